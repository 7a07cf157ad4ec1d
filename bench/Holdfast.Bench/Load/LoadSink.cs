using System.Net;
using System.Net.Sockets;

namespace Holdfast.Bench.Load;

/// <summary>Takes every message and throws it away; counts. Blocking sockets, one thread a connection.</summary>
internal sealed class LoadSink : IDisposable
{
    private static readonly byte[] EndOfData = "\r\n.\r\n"u8.ToArray();
    private readonly Socket _listener;
    private long _messages;
    private long _bytes;

    public LoadSink(int port)
    {
        _listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        _listener.Listen(1024);
        new Thread(Accept) { IsBackground = true }.Start();
    }

    public long Messages => Interlocked.Read(ref _messages);
    public long Bytes => Interlocked.Read(ref _bytes);

    public void Dispose() => _listener.Dispose();

    private void Accept()
    {
        try
        {
            while (true)
            {
                var socket = _listener.Accept();
                new Thread(() => Session(socket), 256 * 1024) { IsBackground = true }.Start();
            }
        }
        catch (SocketException)
        {
            // Disposed: the run is over.
        }
        catch (ObjectDisposedException)
        {
            // Same.
        }
    }

    private void Session(Socket socket)
    {
        using (socket)
        {
            try
            {
                socket.NoDelay = true;
                socket.Send("220 sink.test ESMTP\r\n"u8);
                Converse(socket);
            }
            catch (SocketException)
            {
                // The caller went away.
            }
        }
    }

    private void Converse(Socket socket)
    {
        var buffer = new byte[256 * 1024];
        var replies = new byte[4096];
        int start = 0, end = 0;
        var inData = false;
        var matched = 2; // "\r\n" of the DATA line counts as the beginning of the end mark.
        while (true)
        {
            var got = socket.Receive(buffer, end, buffer.Length - end, SocketFlags.None);
            if (got == 0)
                return;
            end += got;
            var used = 0;
            var waiting = false;
            while (!waiting)
            {
                var rest = buffer.AsSpan(start, end - start);
                if (inData)
                {
                    var done = FindEnd(rest, ref matched);
                    if (done < 0)
                    {
                        Interlocked.Add(ref _bytes, rest.Length);
                        start = end;
                        waiting = true;
                        continue;
                    }
                    Interlocked.Add(ref _bytes, done);
                    Interlocked.Increment(ref _messages);
                    start += done;
                    inData = false;
                    used = Put(replies, used, "250 2.0.0 Ok\r\n"u8);
                    continue;
                }
                var newline = rest.IndexOf((byte)'\n');
                if (newline < 0)
                {
                    waiting = true;
                    continue;
                }
                start += newline + 1;
                switch ((char)(rest[0] & 0xDF))
                {
                    case 'E':
                        used = Put(replies, used, "250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 0\r\n"u8);
                        break;
                    case 'D':
                        used = Put(replies, used, "354 Go\r\n"u8);
                        inData = true;
                        matched = 2;
                        break;
                    case 'Q':
                        used = Put(replies, used, "221 Bye\r\n"u8);
                        socket.Send(replies.AsSpan(0, used));
                        return;
                    default:
                        used = Put(replies, used, "250 Ok\r\n"u8);
                        break;
                }
            }
            if (used > 0)
                socket.Send(replies.AsSpan(0, used));
            if (start == end)
                start = end = 0;
            else if (start > 0 && end == buffer.Length)
            {
                buffer.AsSpan(start, end - start).CopyTo(buffer);
                end -= start;
                start = 0;
            }
        }
    }

    /// <summary>Bytes up to and including the end mark, or -1; <paramref name="matched"/> carries a partial match over
    /// reads.</summary>
    private static int FindEnd(ReadOnlySpan<byte> data, ref int matched)
    {
        var i = 0;
        while (i < data.Length)
        {
            if (matched == 0)
            {
                var next = data[i..].IndexOf((byte)'\r');
                if (next < 0)
                    return -1;
                i += next + 1;
                matched = 1;
                continue;
            }
            if (data[i] == EndOfData[matched])
            {
                matched++;
                i++;
                if (matched == EndOfData.Length)
                {
                    matched = 0;
                    return i;
                }
                continue;
            }
            matched = data[i] == '\r' ? 1 : 0;
            i++;
        }
        return -1;
    }

    private static int Put(byte[] to, int at, ReadOnlySpan<byte> reply)
    {
        reply.CopyTo(to.AsSpan(at));
        return at + reply.Length;
    }
}
