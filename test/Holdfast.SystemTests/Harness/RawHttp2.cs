using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Holdfast.SystemTests.Harness;

/// <summary>An HTTP/2 client without TLS (prior knowledge) that says what no client library would: frames as they are
/// told, fields as literals without indexing (RFC 7541 §6.2.2), nothing checked.</summary>
internal sealed class RawHttp2 : IDisposable
{
    public const byte Data = 0, Headers = 1, Reset = 3, Settings = 4, Ping = 6, GoAway = 7, Window = 8, Continuation = 9;
    public const byte EndStream = 1, Ack = 1, EndHeaders = 4, Padded = 8;
    private readonly TcpClient _client = new() { NoDelay = true };

    public NetworkStream Stream => _client.GetStream();

    /// <param name="port">Of a cleartext listener that speaks HTTP/2.</param>
    /// <param name="window">What the client lets a stream send before it says more (SETTINGS_INITIAL_WINDOW_SIZE).</param>
    public static async Task<RawHttp2> ConnectAsync(int port, int window = 65_535)
    {
        var raw = new RawHttp2();
        await raw._client.ConnectAsync(IPAddress.Loopback, port);
        var setting = new byte[6];
        setting[1] = 4;
        BinaryPrimitives.WriteInt32BigEndian(setting.AsSpan(2), window);
        await raw.SendAsync([.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. Frame(Settings, 0, 0, setting)]);
        return raw;
    }

    /// <summary>The other side may have hung up, as it may.</summary>
    public async Task SendAsync(byte[] bytes)
    {
        try
        {
            await Stream.WriteAsync(bytes);
        }
        catch (IOException)
        {
            // Then nothing of it can reach anybody.
        }
    }

    /// <summary>Reads to the end of a stream, of the connection or of the time.</summary>
    /// <returns>The stream's status where it is in the static table (RFC 7541 A), else 0; and how it ended.</returns>
    public async Task<(int Status, string End)> AnswerAsync(int stream, TimeSpan limit)
    {
        int[] known = [200, 204, 206, 304, 400, 404, 500];
        var status = 0;
        using var over = new CancellationTokenSource(limit, TimeProvider.System);
        try
        {
            while (true)
            {
                var (type, flags, id, payload) = await ReadAsync(over.Token);
                if (type == GoAway)
                    return (status, "goaway");
                if (id != stream)
                    continue;
                if (type == Headers && payload.Length > 0 && payload[0] is >= 0x88 and <= 0x8e)
                    status = known[payload[0] - 0x88];
                if (type == Reset)
                    return (status, "reset");
                if (type is Headers or Data && (flags & EndStream) != 0)
                    return (status, "end");
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            return (status, e is IOException ? "closed" : "nothing");
        }
    }

    public async Task<(byte Type, byte Flags, int Stream, byte[] Payload)> ReadAsync(CancellationToken abort)
    {
        var head = new byte[9];
        await Stream.ReadExactlyAsync(head, abort);
        var payload = new byte[head[0] << 16 | head[1] << 8 | head[2]];
        await Stream.ReadExactlyAsync(payload, abort);
        return (head[3], head[4], BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(5)) & int.MaxValue, payload);
    }

    public static byte[] Frame(byte type, byte flags, int stream, ReadOnlySpan<byte> payload)
    {
        var frame = new byte[9 + payload.Length];
        (frame[0], frame[1], frame[2]) = ((byte)(payload.Length >> 16), (byte)(payload.Length >> 8), (byte)payload.Length);
        (frame[3], frame[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame.AsSpan(9));
        return frame;
    }

    /// <summary>A block of fields, one octet a letter.</summary>
    public static byte[] Fields(params IEnumerable<(string Name, string Value)> fields)
    {
        var block = new List<byte>();
        foreach (var (name, value) in fields)
        {
            block.Add(0);
            Text(name);
            Text(value);
        }
        return [.. block];

        void Text(string text)
        {
            // An integer with a prefix of seven bits (RFC 7541 §5.1).
            var left = text.Length;
            block.Add((byte)Math.Min(left, 127));
            for (left -= 127; left >= 0; left = left < 128 ? -1 : left >> 7)
                block.Add((byte)(left < 128 ? left : left & 127 | 128));
            block.AddRange(Encoding.Latin1.GetBytes(text));
        }
    }

    public void Dispose() => _client.Dispose();
}
