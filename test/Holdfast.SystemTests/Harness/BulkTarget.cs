using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Holdfast.SystemTests.Harness;

/// <summary>A target that takes messages as large as they come and keeps no more of them than size and hash.</summary>
/// <remarks>Works on contents without lines that begin with a dot.</remarks>
internal sealed class BulkTarget : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _sessions = [];
    private readonly byte[] _from;
    private readonly Task _accepting;

    /// <param name="from">Hash and size count from the first occurrence of this on: headers before it are others'.
    /// </param>
    public BulkTarget(int port, string from)
    {
        _from = Encoding.Latin1.GetBytes(from);
        _listener = new TcpListener(IPAddress.Loopback, port);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Taken { get; private set; }
    public long LastBytes { get; private set; }
    public string LastHash { get; private set; } = "";

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _sessions.Add(SessionAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test ended.
        }
    }

    private async Task SessionAsync(TcpClient client)
    {
        using var _ = client;
        var stream = client.GetStream();
        var buffer = new byte[256 * 1024];
        var kept = 0;
        Task SayAsync(string line) => stream.WriteAsync(Encoding.Latin1.GetBytes(line + "\r\n"), _stop.Token).AsTask();
        try
        {
            await SayAsync("220 bulk.test ESMTP");
            while (true)
            {
                var end = buffer.AsSpan(0, kept).IndexOf((byte)'\n');
                if (end < 0)
                {
                    var read = await stream.ReadAsync(buffer.AsMemory(kept), _stop.Token);
                    if (read == 0)
                        return;
                    kept += read;
                    continue;
                }
                var line = Encoding.Latin1.GetString(buffer, 0, end);
                buffer.AsSpan(end + 1, kept - end - 1).CopyTo(buffer);
                kept -= end + 1;
                if (line.StartsWith("EHLO", StringComparison.OrdinalIgnoreCase))
                {
                    await SayAsync("250-bulk.test\r\n250-8BITMIME\r\n250 PIPELINING");
                }
                else if (line.StartsWith("DATA", StringComparison.OrdinalIgnoreCase))
                {
                    await SayAsync("354 Go on");
                    await TakeAsync(stream, buffer, kept);
                    kept = 0;
                    await SayAsync("250 2.0.0 Taken");
                }
                else
                {
                    await SayAsync("250 2.0.0 Ok");
                }
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The caller went away or the test ended.
        }
    }

    private async Task TakeAsync(NetworkStream stream, byte[] buffer, int kept)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long bytes = 0;
        var begun = false;
        while (true)
        {
            var have = buffer.AsSpan(0, kept);
            if (!begun && have.IndexOf(_from) is >= 0 and var at)
            {
                begun = true;
                have = have[at..];
            }
            // The caller waits for our reply after the final dot, so nothing can stand behind it.
            var ended = have.EndsWith("\r\n.\r\n"u8);
            var use = ended ? have.Length - 3 : Math.Max(0, have.Length - 5);
            if (begun)
            {
                hash.AppendData(have[..use]);
                bytes += use;
                have[use..].CopyTo(buffer);
                kept = have.Length - use;
            }
            if (ended)
                break;
            var read = await stream.ReadAsync(buffer.AsMemory(kept), _stop.Token);
            if (read == 0)
                throw new IOException("the caller broke off");
            kept += read;
        }
        (LastBytes, LastHash, Taken) = (bytes, Convert.ToHexString(hash.GetHashAndReset()), Taken + 1);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        await Task.WhenAll(_sessions);
        _stop.Dispose();
    }
}
