using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Holdfast.SystemTests.Harness;

/// <summary>A web target that reads bytes as strictly as RFC 9112 allows and notes whatever could be read in two ways.
/// </summary>
/// <remarks>Its own reading, on purpose not a server's: what it takes without a note has one meaning for every server
/// behind the gateway.</remarks>
internal sealed class StrictWebTarget : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentBag<Task> _connections = [];
    private readonly Task _accepting;

    public StrictWebTarget(int port)
    {
        _listener = new TcpListener(IPAddress.Loopback, port);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>Request lines of what came whole, in that order.</summary>
    public ConcurrentQueue<string> Requests { get; } = [];
    /// <summary>Header and trailer fields, each with its request line.</summary>
    public ConcurrentQueue<(string Request, string Field)> Fields { get; } = [];
    /// <summary>What was ambiguous or malformed.</summary>
    public ConcurrentQueue<string> Faults { get; } = [];

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var _ = client;
        var stream = client.GetStream();
        var buffer = new List<byte>();
        try
        {
            while (await RequestAsync(stream, buffer))
                await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"u8.ToArray(), _stop.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // Broken off by the gateway: no request, and nothing can follow it.
        }
        catch (FormatException e)
        {
            Faults.Enqueue(e.Message);
        }
    }

    private async Task<bool> RequestAsync(NetworkStream stream, List<byte> buffer)
    {
        if (buffer.Count == 0 && !await MoreAsync(stream, buffer))
            return false;
        var request = await LineAsync(stream, buffer);
        if (request.Split(' ') is not [_, _, "HTTP/1.1"])
            throw new FormatException($"request line: {request}");
        int lengths = 0, encodings = 0, hosts = 0;
        long length = 0;
        for (string field; (field = await LineAsync(stream, buffer)).Length > 0;)
        {
            Fields.Enqueue((request, field));
            var colon = field.IndexOf(':', StringComparison.Ordinal);
            var name = colon > 0 ? field[..colon] : throw new FormatException($"field: {field}");
            if (name.Any(c => c <= ' ' || c >= 127 || "()<>@,;:\\\"/[]?={}".Contains(c)))
                throw new FormatException($"field name: {field}");
            var value = field[(colon + 1)..].Trim(' ', '\t');
            if (value.Any(c => c < ' ' && c != '\t'))
                throw new FormatException($"control character: {field}");
            switch (name.ToUpperInvariant())
            {
                case "HOST":
                    hosts++;
                    break;
                case "CONTENT-LENGTH":
                    lengths++;
                    if (value.Length == 0 || !value.All(char.IsAsciiDigit))
                        throw new FormatException($"length: {field}");
                    length = long.Parse(value, CultureInfo.InvariantCulture);
                    break;
                case "TRANSFER-ENCODING":
                    encodings++;
                    if (value != "chunked")
                        throw new FormatException($"encoding: {field}");
                    break;
            }
        }
        if (lengths + encodings > 1 || hosts != 1)
            throw new FormatException($"{request}: {lengths} lengths, {encodings} encodings, {hosts} hosts");
        if (encodings == 1)
            await ChunksAsync(request, stream, buffer);
        else
            await SkipAsync(stream, buffer, length);
        Requests.Enqueue(request);
        return true;
    }

    private async Task ChunksAsync(string request, NetworkStream stream, List<byte> buffer)
    {
        while (true)
        {
            var line = await LineAsync(stream, buffer);
            if (line.Length is 0 or > 16 || !line.All(char.IsAsciiHexDigit))
                throw new FormatException($"chunk: {line}");
            var size = Convert.ToInt64(line, 16);
            if (size == 0)
                break;
            await SkipAsync(stream, buffer, size);
            if (await LineAsync(stream, buffer) is { Length: > 0 } rest)
                throw new FormatException($"behind a chunk: {rest}");
        }
        while (await LineAsync(stream, buffer) is { Length: > 0 } trailer)
            Fields.Enqueue((request, trailer));
    }

    private async Task<string> LineAsync(NetworkStream stream, List<byte> buffer)
    {
        for (var at = 0; ; at++)
        {
            while (at >= buffer.Count)
            {
                if (!await MoreAsync(stream, buffer))
                    throw new IOException("closed");
            }
            if (buffer[at] != '\n')
                continue;
            if (at == 0 || buffer[at - 1] != '\r')
                throw new FormatException("bare LF");
            var line = Encoding.Latin1.GetString([.. buffer.Take(at - 1)]);
            buffer.RemoveRange(0, at + 1);
            return line.Contains('\r', StringComparison.Ordinal) ? throw new FormatException("bare CR") : line;
        }
    }

    private async Task SkipAsync(NetworkStream stream, List<byte> buffer, long length)
    {
        while (length > 0)
        {
            if (buffer.Count == 0 && !await MoreAsync(stream, buffer))
                throw new IOException("closed");
            var take = (int)Math.Min(length, buffer.Count);
            buffer.RemoveRange(0, take);
            length -= take;
        }
    }

    private async Task<bool> MoreAsync(NetworkStream stream, List<byte> buffer)
    {
        var bytes = new byte[16 << 10];
        var read = await stream.ReadAsync(bytes, _stop.Token);
        buffer.AddRange(bytes.AsSpan(0, read));
        return read > 0;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        await Task.WhenAll(_connections);
        _stop.Dispose();
    }
}
