using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Holdfast.SystemTests.Harness;

/// <summary>A client that says what no client library would.</summary>
internal sealed class RawClient(TcpClient client) : IDisposable
{
    public const string Closed = "(closed)";

    private readonly StreamReader _reader = new(client.GetStream(), Encoding.Latin1);

    public static async Task<RawClient> ConnectAsync(int port)
    {
        var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(IPAddress.Loopback, port);
        var raw = new RawClient(client);
        await raw.ReplyAsync();
        return raw;
    }

    public Stream Stream => client.GetStream();

    /// <summary>Sends as it is, line ends too; returns the reply's last line.</summary>
    public async Task<string> SayAsync(string text)
    {
        await SendAsync(Encoding.Latin1.GetBytes(text));
        return await ReplyAsync();
    }

    public async Task SendAsync(byte[] bytes)
    {
        try
        {
            await client.GetStream().WriteAsync(bytes);
        }
        catch (IOException)
        {
            // The gateway hung up on us, as it may.
        }
    }

    /// <summary>The last line of the next reply; <see cref="Closed"/> when there is none.</summary>
    public async Task<string> ReplyAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20), TimeProvider.System);
        while (true)
        {
            string line;
            try
            {
                line = await _reader.ReadLineAsync(limit.Token) ?? Closed;
            }
            catch (IOException)
            {
                return Closed;
            }
            if (line.Length < 4 || line[3] != '-')
                return line;
        }
    }

    public void Dispose()
    {
        _reader.Dispose();
        client.Dispose();
    }
}
