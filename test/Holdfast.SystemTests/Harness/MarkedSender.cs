using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Holdfast.SystemTests.Harness;

/// <summary>Sends messages that can be told apart, and keeps account of what was acknowledged with 250.</summary>
internal sealed class MarkedSender(int port, string prefix = "m")
{
    private readonly ConcurrentDictionary<string, byte> _acknowledged = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _refusals = new();
    private int _next;

    public IEnumerable<string> Acknowledged => _acknowledged.Keys;
    public int AcknowledgedCount => _acknowledged.Count;
    public IReadOnlyCollection<string> Refusals => _refusals;
    public int SizeBytes { get; set; } = 1024;

    /// <summary>Sends over one connection until told to stop or the connection breaks. Never throws for that.</summary>
    public async Task RunAsync(int count, CancellationToken stop, TimeSpan? every = null)
    {
        try
        {
            using var client = new TcpClient { NoDelay = true };
            await client.ConnectAsync(IPAddress.Loopback, port, stop);
            using var reader = new StreamReader(client.GetStream(), Encoding.Latin1);
            var stream = client.GetStream();
            await ReplyAsync(reader);
            await CommandAsync(stream, reader, "EHLO sender.test");
            for (var i = 0; i < count && !stop.IsCancellationRequested; i++)
            {
                await SendOneAsync(stream, reader);
                if (every is { } pause)
                    await Task.Delay(pause, TimeProvider.System, stop);
            }
            await CommandAsync(stream, reader, "QUIT");
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            // Killed or refused: what was acknowledged is what counts.
        }
    }

    private async Task SendOneAsync(NetworkStream stream, StreamReader reader)
    {
        var number = Interlocked.Increment(ref _next);
        var marker = $"{prefix}-{number}";
        foreach (var command in (string[])[$"MAIL FROM:<s{number}@sender.test>", $"RCPT TO:<r{number}@{prefix}.test>", "DATA"])
        {
            var reply = await CommandAsync(stream, reader, command);
            if (reply[0] is '4' or '5')
            {
                _refusals.Enqueue(reply);
                await CommandAsync(stream, reader, "RSET");
                return;
            }
        }
        var content = new StringBuilder();
        content.Append("From: <s@sender.test>\r\nTo: <r@dest.test>\r\nSubject: ").Append(marker)
            .Append("\r\nX-Marker: ").Append(marker).Append("\r\n\r\n");
        while (content.Length < SizeBytes)
            content.Append(".a line that begins with a dot, and some more words to fill it up\r\n".AsSpan(content.Length % 2));
        content.Append("\r\n.\r\n");
        var wire = content.ToString().Replace("\r\n.a", "\r\n..a", StringComparison.Ordinal);
        await stream.WriteAsync(Encoding.Latin1.GetBytes(wire));
        var answer = await ReplyAsync(reader);
        if (answer.StartsWith("250", StringComparison.Ordinal))
            _acknowledged.TryAdd(marker, 0);
        else
            _refusals.Enqueue(answer);
    }

    private static async Task<string> CommandAsync(NetworkStream stream, StreamReader reader, string command)
    {
        await stream.WriteAsync(Encoding.Latin1.GetBytes(command + "\r\n"));
        return await ReplyAsync(reader);
    }

    private static async Task<string> ReplyAsync(StreamReader reader)
    {
        while (true)
        {
            var line = await reader.ReadLineAsync() ?? throw new IOException("connection closed");
            if (line.Length < 4 || line[3] == ' ')
                return line;
        }
    }
}
