using System.Buffers;
using System.CommandLine;
using System.Text;
using Holdfast.Mail.Smtp;
using Spectre.Console;

namespace Holdfast.Bench;

/// <summary>How fast the SMTP wire code is by itself, in one thread and in memory: the content readers in GB/s, the
/// parsers in ns a command. Best of several rounds, since other work shares the machine.</summary>
internal static class WireSpeed
{
    private const int Rounds = 15;

    public static Command Command()
    {
        var command = new Command("wire", "DATA and BDAT decoding in GB/s, command parsing in ns and bytes allocated.");
        command.SetAction(_ => Run());
        return command;
    }

    private static void Run()
    {
        var table = new Table().AddColumns("what", "ns/op", "GB/s", "allocated B/op");
        foreach (var (name, lineLength, size) in new[]
        {
            ("DATA, 4 KiB mail, lines of 76", 76, 4096), ("DATA, 64 KiB mail, lines of 76", 76, 65536),
            ("DATA, 1 MiB mail, lines of 76", 76, 1 << 20), ("DATA, 64 KiB mail, lines of 20", 20, 65536),
            ("DATA, 64 KiB mail, a dot a line", 0, 65536),
        })
        {
            var wire = Mail(lineLength, size);
            var reader = new DataReader();
            var sink = new DiscardingWriter(size * 2);
            Add(table, name, wire.Length, () =>
            {
                reader.Reset(BareNewlinePolicy.Reject, long.MaxValue);
                sink.Clear();
                // As from a socket: 4 KiB pool blocks.
                for (var at = 0; at < wire.Length; at += 4096)
                    reader.Read(wire.AsSpan(at, Math.Min(4096, wire.Length - at)), sink, out var _);
            });
        }
        var chunk = Mail(76, 65536)[..^3];
        var bdat = new BdatReader();
        var output = new DiscardingWriter(chunk.Length * 2);
        Add(table, "BDAT, 64 KiB mail, lines of 76", chunk.Length, () =>
        {
            bdat.Reset(BareNewlinePolicy.Reject, long.MaxValue);
            output.Clear();
            bdat.BeginChunk(chunk.Length, true);
            bdat.Read(chunk, output, out var _);
        });
        var parsed = new SmtpCommand();
        foreach (var line in new[]
        {
            "MAIL FROM:<sender-1234@example.org> SIZE=4096 BODY=8BITMIME", "RCPT TO:<recipient-1234@example.com>",
            "RCPT TO:<recipient-1234@example.com> NOTIFY=FAILURE,DELAY ORCPT=rfc822;old@example.com", "DATA",
            "BDAT 4096 LAST",
        })
        {
            var octets = Encoding.ASCII.GetBytes(line);
            Add(table, line, 0, () => SmtpCommandParser.TryParse(octets, OfferedExtensions.All, false, parsed, out _));
        }
        Add(table, "reply 250 2.1.5", 0, () =>
        {
            output.Clear();
            SmtpReplyWriter.Write(StandardReplies.RecipientOk, output);
        });
        AnsiConsole.Write(table);
    }

    private static void Add(Table table, string name, int octets, Action act)
    {
        var clock = TimeProvider.System;
        for (var i = 0; i < 2000; i++)
            act();
        var count = octets > 100_000 ? 500 : octets > 10_000 ? 5_000 : 50_000;
        var best = TimeSpan.MaxValue;
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var round = 0; round < Rounds; round++)
        {
            var start = clock.GetTimestamp();
            for (var i = 0; i < count; i++)
                act();
            var took = clock.GetElapsedTime(start);
            best = took < best ? took : best;
        }
        var allocated = (GC.GetAllocatedBytesForCurrentThread() - before) / ((long)count * Rounds);
        var ns = best.TotalNanoseconds / count;
        table.AddRow(Markup.Escape(name), $"{ns:F1}", octets == 0 ? "" : $"{octets / ns:F2}", $"{allocated}");
    }

    /// <summary>Header and body of the given line length; 0: each line begins with a dot and holds 40.</summary>
    private static byte[] Mail(int lineLength, int size)
    {
        var text = new StringBuilder();
        text.Append("Received: from a.example by b.example; Mon, 23 Nov 2026 14:00:00 +0000\r\nFrom: a@a.example\r\n"
            + "To: b@b.example\r\nSubject: Measured\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n");
        var line = (lineLength == 0 ? ".." : "") + new string('x', Math.Max(lineLength, 40)) + "\r\n";
        if (lineLength > 0)
            line = new string('x', lineLength) + "\r\n";
        while (text.Length < size)
            text.Append(line);
        text.Append(".\r\n");
        return Encoding.ASCII.GetBytes(text.ToString());
    }

    private sealed class DiscardingWriter(int size) : IBufferWriter<byte>
    {
        private readonly byte[] _buffer = new byte[size + 4096];
        private int _at;

        public void Clear() => _at = 0;
        public void Advance(int count) => _at += count;
        public Memory<byte> GetMemory(int sizeHint = 0) => _buffer.AsMemory(_at);
        public Span<byte> GetSpan(int sizeHint = 0) => _buffer.AsSpan(_at);
    }
}
