using System.Buffers;
using System.Reflection;
using System.Text;
using CsCheck;
using Holdfast.Fuzz.Targets;
using Holdfast.Mail.Smtp;

namespace Holdfast.Tests.Mail.Smtp;

public class SmtpReplyWriterTests
{
    public static TheoryData<string> Standard =>
        [.. typeof(StandardReplies).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => f.Name)];

    [Theory]
    [MemberData(nameof(Standard))]
    public void Standard_replies_agree_in_their_codes(string name)
    {
        var reply = (SmtpReply)typeof(StandardReplies).GetField(name)!.GetValue(null)!;
        Assert.InRange(reply.Code, 200, 559);
        // RFC 2034 §4: the class is the first digit, and intermediate replies have none.
        Assert.Equal(reply.IsIntermediate ? 0 : reply.Code / 100, reply.Status.Class);
        Assert.DoesNotContain('\n', reply.Text);
        Assert.True(Ascii.IsValid(reply.Text));
    }

    [Fact]
    public void Each_line_bears_code_and_enhanced_code()
    {
        Assert.Equal("250-2.1.5 one\r\n250-2.1.5 two\r\n250 2.1.5 \r\n",
            Write(SmtpReply.Of(250, 2, 1, 5, "one\ntwo\n")));
        Assert.Equal("250-mail.example\r\n250-SIZE 100\r\n250 PIPELINING\r\n",
            Write(new SmtpReply(250, EnhancedStatus.None, "mail.example\nSIZE 100\nPIPELINING")));
        Assert.Equal("334 \r\n", Write(StandardReplies.AuthContinue));
    }

    [Fact]
    public void Text_never_breaks_a_line()
    {
        Assert.Equal("550 5.1.1 a?b?c?\r\n", Write(SmtpReply.Of(550, 5, 1, 1, "a\rb\0cä")));
        Assert.Equal("550 5.1.1 cä?\r\n", Write(SmtpReply.Of(550, 5, 1, 1, "cä\u0085"), allowUtf8: true));
    }

    [Fact]
    public void Lines_are_cut_at_512_octets()
    {
        Assert.Equal(512, Write(SmtpReply.Of(250, 2, 0, 0, new string('x', 500))).Length);
        Assert.Equal(512, Write(SmtpReply.Of(250, 2, 0, 0, new string('x', 501))).Length);
        Assert.InRange(Encoding.UTF8.GetByteCount(Write(SmtpReply.Of(250, 2, 0, 0, new string('€', 400)), true)),
            508, 512);
    }

    [Fact]
    public void Any_text_gives_one_well_formed_reply() =>
        Gen.OneOf(Gen.Byte.Array[0, 700], Gen.String[Gen.Char["\r\nab\0é€"], 0, 900].Select(Encoding.UTF8.GetBytes))
            .Sample(octets => SmtpTargets.Reply(octets), iter: 5_000);

    private static string Write(SmtpReply reply, bool allowUtf8 = false)
    {
        var output = new ArrayBufferWriter<byte>();
        SmtpReplyWriter.Write(reply, output, allowUtf8);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }
}
