using System.Text;
using CsCheck;
using Holdfast.Mail.Smtp;

namespace Holdfast.Tests.Mail.Smtp;

public class ReplyScannerTests
{
    private static (ReplyScan Scan, SmtpReply? Reply, int Length) Scan(string text)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        var scan = ReplyScanner.Scan(bytes, out var code, out var length);
        return (scan, scan == ReplyScan.Complete ? ReplyScanner.Read(bytes.AsSpan(0, length), code) : null, length);
    }

    [Fact]
    public void Reads_one_line_with_its_enhanced_code()
    {
        var (scan, reply, length) = Scan("451 4.3.2 Temporary server error\r\n250 next");
        Assert.Equal(ReplyScan.Complete, scan);
        Assert.Equal(new SmtpReply(451, new EnhancedStatus(4, 3, 2), "Temporary server error"), reply);
        Assert.Equal(34, length);
    }

    [Fact]
    public void Reads_several_lines_as_one_reply()
    {
        var (_, reply, _) = Scan("250-a.example\r\n250-SIZE 10\r\n250 DSN\r\n");
        Assert.Equal("a.example\nSIZE 10\nDSN", reply!.Text);
    }

    [Fact]
    public void An_enhanced_code_of_another_class_is_text()
    {
        var (_, reply, _) = Scan("250 4.3.2 odd\r\n");
        Assert.True(reply!.Status.IsNone);
        Assert.Equal("4.3.2 odd", reply.Text);
    }

    [Theory]
    [InlineData("25")]
    [InlineData("250-go on\r\n")]
    [InlineData("250 half a line\r")]
    public void Waits_for_the_rest(string text) => Assert.Equal(ReplyScan.NeedsMore, Scan(text).Scan);

    [Theory]
    [InlineData("hello\r\n")]
    [InlineData("150 too small\r\n")]
    [InlineData("600 too big\r\n")]
    [InlineData("250-one code\r\n251 another\r\n")]
    [InlineData("250_x\r\n")]
    public void What_is_no_reply_is_said_to_be_none(string text) => Assert.Equal(ReplyScan.NotSmtp, Scan(text).Scan);

    [Fact]
    public void A_reply_without_end_is_given_up_at_the_bound()
    {
        Assert.Equal(ReplyScan.NeedsMore, Scan("250 " + new string('x', ReplyScanner.BytesMax - 5)).Scan);
        Assert.Equal(ReplyScan.NotSmtp, Scan("250 " + new string('x', ReplyScanner.BytesMax)).Scan);
    }

    [Fact]
    public void Arbitrary_bytes_never_throw_and_text_is_printable()
    {
        string[] words = ["250", "451", "-", " ", "4.3.2 ", "\r\n", "\n", "x", "\0", "\u00ff"];
        var pieces = Gen.Int[0, words.Length - 1].Select(i => words[i]);
        Gen.OneOf(Gen.Byte.Array[0, 80].Select(Encoding.Latin1.GetString),
            pieces.Array[0, 12].Select(string.Concat)).Sample(text =>
            {
                var (scan, reply, length) = Scan(text);
                return scan != ReplyScan.Complete
                    || (length <= text.Length && reply!.Code is >= 200 and < 600
                        && reply.Text.All(c => c is '\n' or (>= ' ' and < '\x7f')));
            });
    }
}

public class DotStuffingTests
{
    private static string Stuff(byte[] content, IEnumerable<int> cuts)
    {
        var stuffing = new DotStuffing();
        var output = new byte[DotStuffing.RoomFor(content.Length) * 2 + 64];
        var written = 0;
        var from = 0;
        foreach (var cut in cuts.Where(c => c < content.Length).Order().Append(content.Length))
        {
            written += stuffing.Write(content.AsSpan(from, cut - from), output.AsSpan(written));
            from = cut;
        }
        written += stuffing.End(output.AsSpan(written));
        return Encoding.Latin1.GetString(output, 0, written);
    }

    [Theory]
    [InlineData("", ".\r\n")]
    [InlineData(".\r\n", "..\r\n.\r\n")]
    [InlineData("a\r\n.b\r\n..\r\n", "a\r\n..b\r\n...\r\n.\r\n")]
    [InlineData("no end", "no end\r\n.\r\n")]
    public void Doubles_dots_that_begin_a_line_and_ends_with_one(string content, string expected) =>
        Assert.Equal(expected, Stuff(Encoding.Latin1.GetBytes(content), []));

    [Fact]
    public void The_division_into_chunks_makes_no_difference_and_unstuffing_gives_the_content_back()
    {
        string[] words = ["\r\n", ".", "a", "\r\n.", "..", "text"];
        var pieces = Gen.Int[0, words.Length - 1].Select(i => words[i]);
        Gen.Select(pieces.Array[0, 20].Select(string.Concat), Gen.Int[0, 60].Array[0, 6]).Sample((content, cuts) =>
        {
            var bytes = Encoding.Latin1.GetBytes(content);
            var whole = Stuff(bytes, []);
            var back = string.Join("\r\n", whole[..^3].Split("\r\n").Select(l => l.StartsWith('.') ? l[1..] : l));
            var ended = content.Length == 0 || content.EndsWith("\r\n", StringComparison.Ordinal) ? content
                : content + "\r\n";
            return Stuff(bytes, cuts) == whole && back == ended;
        });
    }
}
