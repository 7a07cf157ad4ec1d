using System.Net.Sockets;
using System.Text;

namespace Holdfast.Bench.Drain;

/// <summary>Sends messages at a rate or as fast as they are taken, one thread a connection, and notes what was accepted.
/// </summary>
internal sealed class DrainSender(int port, DrainRecord record)
{
    private static readonly byte[] Content = Load.LoadGenerator.Content(1024);
    private static long s_number;
    private volatile bool _stopped;
    private Thread[] _threads = [];

    /// <summary>Sends so many over so many connections and returns when all were answered.</summary>
    public void Fill(int messages, int connections)
    {
        Start(connections, 0, messages / connections);
        Join();
    }

    /// <summary>Sends so many a second until <see cref="Stop"/>.</summary>
    public void Keep(double perSecond, int connections) => Start(connections, perSecond / connections, int.MaxValue);

    public void Stop()
    {
        _stopped = true;
        Join();
    }

    private void Join()
    {
        foreach (var thread in _threads)
            thread.Join();
    }

    private void Start(int connections, double perSecond, int messages)
    {
        _threads = new Thread[connections];
        for (var i = 0; i < connections; i++)
        {
            var phase = (double)i / connections;
            _threads[i] = new Thread(() => Session(perSecond, phase, messages), 256 * 1024) { IsBackground = true };
            _threads[i].Start();
        }
    }

    private void Session(double perSecond, double phase, int messages)
    {
        using var pause = new ManualResetEventSlim();
        var next = record.Now + (perSecond > 0 ? phase / perSecond : 0);
        while (!_stopped && messages > 0)
        {
            try
            {
                using var client = new TcpClient("127.0.0.1", port) { NoDelay = true };
                using var stream = client.GetStream();
                using var reader = new StreamReader(stream, Encoding.Latin1);
                Expect(reader);
                stream.Write("EHLO load.test\r\n"u8);
                Expect(reader);
                while (!_stopped && messages > 0)
                {
                    if (perSecond > 0)
                    {
                        if (next > record.Now)
                            pause.Wait(TimeSpan.FromSeconds(Math.Max(0, next - record.Now)));
                        next += 1 / perSecond;
                    }
                    messages--;
                    var at = record.Now;
                    stream.Write(Encoding.ASCII.GetBytes("MAIL FROM:<s@load.test>\r\nRCPT TO:<"
                        + DrainRecord.Recipient(at, Interlocked.Increment(ref s_number)) + "@load.test>\r\nDATA\r\n"));
                    if (!(Expect(reader) & Expect(reader) & Expect(reader)))
                    {
                        stream.Write("RSET\r\n"u8);
                        Expect(reader);
                        continue;
                    }
                    stream.Write(Content);
                    if (Expect(reader))
                        record.Accept(Math.Floor(at * 1000) / 1000);
                }
                stream.Write("QUIT\r\n"u8);
                Expect(reader);
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                // The server closed (some do after so many messages): go on over a new connection.
                pause.Wait(TimeSpan.FromMilliseconds(100));
            }
        }
    }

    private static bool Expect(StreamReader reader)
    {
        while (true)
        {
            var line = reader.ReadLine() ?? throw new IOException("closed");
            if (line.Length < 4 || line[3] != '-')
                return line[0] is '2' or '3';
        }
    }
}
