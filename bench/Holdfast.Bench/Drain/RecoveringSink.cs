using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Holdfast.Bench.Drain;

/// <summary>An SMTP site that works as <see cref="SiteModel"/> says, and writes down what it was offered.</summary>
internal sealed class RecoveringSink : IDisposable
{
    private readonly Socket _listener;
    private readonly SiteModel _model;
    private readonly DrainRecord _record;

    public RecoveringSink(int port, SiteModel model, DrainRecord record)
    {
        (_model, _record) = (model, record);
        _listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        _listener.Listen(1024);
        new Thread(Accept) { IsBackground = true }.Start();
    }

    /// <summary>While true every recipient is answered 451 4.3.2, as on 22 January 2026.</summary>
    public volatile bool IsDark;

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
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed: the run is over.
        }
    }

    private void Session(Socket socket)
    {
        try
        {
            socket.NoDelay = true;
            using var stream = new NetworkStream(socket, ownsSocket: true);
            using var reader = new StreamReader(stream, Encoding.Latin1);
            using var writer = new StreamWriter(stream, Encoding.Latin1) { NewLine = "\r\n", AutoFlush = true };
            writer.WriteLine("220 sink.test ESMTP");
            Converse(reader, writer);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            // The caller went away.
        }
    }

    private void Converse(StreamReader reader, StreamWriter writer)
    {
        string? recipient = null;
        while (reader.ReadLine() is { Length: > 0 } line)
        {
            switch (char.ToUpperInvariant(line[0]))
            {
                case 'E':
                    writer.Write("250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE 0\r\n");
                    break;
                case 'R' when line.StartsWith("RCPT", StringComparison.OrdinalIgnoreCase):
                    if (IsDark)
                    {
                        _record.Offer(taken: false);
                        writer.WriteLine("451 4.3.2 System not accepting network messages");
                        break;
                    }
                    recipient = line[(line.IndexOf('<', StringComparison.Ordinal) + 1)..line.IndexOf('@', StringComparison.Ordinal)];
                    writer.WriteLine("250 2.1.5 Ok");
                    break;
                case 'D' when recipient is null:
                    writer.WriteLine("554 5.5.1 No valid recipients");
                    break;
                case 'D':
                    writer.WriteLine("354 Go");
                    while (reader.ReadLine() is { } content && content != ".")
                    {
                    }
                    Serve(recipient, writer);
                    recipient = null;
                    break;
                case 'Q':
                    writer.WriteLine("221 2.0.0 Bye");
                    return;
                default:
                    recipient = null;
                    writer.WriteLine("250 2.0.0 Ok");
                    break;
            }
        }
    }

    private void Serve(string recipient, StreamWriter writer)
    {
        var now = _record.Now;
        var (at, taken) = _model.Enter(now);
        try
        {
            _record.Offer(taken);
            using var pause = new ManualResetEventSlim();
            if (at > now)
                pause.Wait(TimeSpan.FromSeconds(at - now));
            if (taken)
                _record.Deliver(recipient);
        }
        finally
        {
            _model.Leave();
        }
        writer.WriteLine(taken ? "250 2.0.0 Ok" : "451 4.3.2 System not accepting network messages");
    }
}
