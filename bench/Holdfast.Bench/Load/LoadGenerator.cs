using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Holdfast.Bench.Load;

/// <summary>How much a client waits for the server between commands.</summary>
internal enum Pipelining
{
    /// <summary>Every command waits for its reply, as smtp-source.</summary>
    None,
    /// <summary>MAIL, RCPT and DATA in one write (RFC 2920): two round trips a message.</summary>
    Envelope,
    /// <summary>Content, dot and the next MAIL, RCPT and DATA in one write: one round trip a message.</summary>
    Chained,
}

/// <summary>Sends messages as fast as the server takes them, over blocking sockets, one thread a connection: the
/// cheapest form, since the generator shares the machine with what it measures.</summary>
internal sealed class LoadGenerator(IPEndPoint server, int connections, int messages, int sizeBytes, Pipelining mode,
    string domain = "load.test")
{
    private int _accepted;
    private int _refused;

    public int Accepted => _accepted;
    public int Refused => _refused;
    public string? LastRefusal { get; private set; }

    /// <summary>Runs to the end and returns the time from the first connection to the last 250.</summary>
    public TimeSpan Run()
    {
        var watch = Stopwatch.StartNew();
        var threads = new Thread[connections];
        for (var i = 0; i < connections; i++)
        {
            var number = i;
            threads[i] = new Thread(() => Session(number), 256 * 1024);
            threads[i].Start();
        }
        foreach (var thread in threads)
            thread.Join();
        return watch.Elapsed;
    }

    /// <summary>Content of the given size: ordinary text lines, a dot-stuffed one among them, ending in CRLF.dot.CRLF.
    /// </summary>
    public static byte[] Content(int sizeBytes)
    {
        var text = new StringBuilder("From: <sender@load.test>\r\nTo: <receiver@load.test>\r\nSubject: load\r\n"
            + "Message-ID: <load@load.test>\r\nDate: Thu, 22 Jan 2026 17:45:00 +0000\r\n\r\n..a line with a dot\r\n");
        while (text.Length < sizeBytes)
            text.Append("The quick brown fox jumps over the lazy dog and goes home when it is late.\r\n");
        text.Length = Math.Max(sizeBytes, 200);
        text.Append("\r\n.\r\n");
        return Encoding.ASCII.GetBytes(text.ToString());
    }

    private void Session(int number)
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.Connect(server);
            var replies = new ReplyCounter(socket);
            replies.Expect(1);
            socket.Send("EHLO load.test\r\n"u8);
            replies.Expect(1);
            var content = Content(sizeBytes);
            var envelope = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture,
                $"MAIL FROM:<s{number}@load.test>\r\nRCPT TO:<r{number}@{domain}>\r\nDATA\r\n"));
            var commands = Encoding.ASCII.GetString(envelope).Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(c => Encoding.ASCII.GetBytes(c + "\n")).ToArray();
            byte[] chained = [.. content, .. envelope];
            var open = false;
            // Each connection has its share: with a common counter a pipelined envelope could be left without content.
            var share = (messages / connections) + (number < messages % connections ? 1 : 0);
            for (var left = share - 1; left >= 0; left--)
            {
                if (mode == Pipelining.None)
                {
                    foreach (var command in commands)
                    {
                        SendAll(socket, command);
                        replies.Expect(1);
                    }
                }
                else if (!open)
                {
                    SendAll(socket, envelope);
                    replies.Expect(3);
                }
                open = mode == Pipelining.Chained && left > 0;
                SendAll(socket, open ? chained : content);
                var ok = replies.Expect(1);
                Count(ok, replies);
                if (open)
                    replies.Expect(3);
            }
            socket.Send("QUIT\r\n"u8);
            replies.Expect(1);
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            LastRefusal = e.Message;
        }
    }

    private void Count(bool accepted, ReplyCounter replies)
    {
        if (accepted)
        {
            Interlocked.Increment(ref _accepted);
            return;
        }
        Interlocked.Increment(ref _refused);
        LastRefusal = replies.LastLine;
    }

    private static void SendAll(Socket socket, byte[] bytes)
    {
        for (var sent = 0; sent < bytes.Length;)
            sent += socket.Send(bytes, sent, bytes.Length - sent, SocketFlags.None);
    }

    /// <summary>Counts final reply lines; true when the last one counted was positive.</summary>
    private sealed class ReplyCounter(Socket socket)
    {
        private readonly byte[] _buffer = new byte[16 * 1024];
        private int _start;
        private int _end;

        public string LastLine { get; private set; } = "";

        public bool Expect(int replies)
        {
            var positive = true;
            while (replies > 0)
            {
                var line = _buffer.AsSpan(_start, _end - _start);
                var newline = line.IndexOf((byte)'\n');
                if (newline < 0)
                {
                    Fill();
                    continue;
                }
                if (newline >= 3 && line[3] != '-')
                {
                    replies--;
                    positive = line[0] is (byte)'2' or (byte)'3';
                    if (!positive)
                        LastLine = Encoding.ASCII.GetString(line[..newline]);
                }
                _start += newline + 1;
            }
            return positive;
        }

        private void Fill()
        {
            if (_start > 0)
            {
                _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
                _end -= _start;
                _start = 0;
            }
            var got = socket.Receive(_buffer, _end, _buffer.Length - _end, SocketFlags.None);
            if (got == 0)
                throw new IOException("the server closed the connection");
            _end += got;
        }
    }
}
