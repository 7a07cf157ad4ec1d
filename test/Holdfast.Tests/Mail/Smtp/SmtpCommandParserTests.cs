using System.Globalization;
using System.Text;
using CsCheck;
using Holdfast.Fuzz.Targets;
using Holdfast.Mail;
using Holdfast.Mail.Smtp;

namespace Holdfast.Tests.Mail.Smtp;

public class SmtpCommandParserTests
{
    private static readonly string[] Starts = ["", "MAIL FROM:<", "RCPT TO:<a@b> ", "MAIL FROM:<a@b> SIZE=", "BDAT ",
        "AUTH ", "EHLO ", "XCLIENT ADDR=", "RCPT TO:<a@b> ORCPT=rfc822;", "MAIL FROM:<a@b> ENVID="];

    public static TheoryData<string, string> Transcript()
    {
        var data = new TheoryData<string, string>();
        string? command = null;
        foreach (var line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "corpora/smtp/commands.txt")))
        {
            if (line.StartsWith("C: ", StringComparison.Ordinal))
                command = line[3..];
            else if (line.StartsWith("S: ", StringComparison.Ordinal))
                data.Add(command!, line[3..]);
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Transcript))]
    public void Commands_read_as_the_transcript_says(string command, string expected)
    {
        var offered = OfferedExtensions.All;
        var utf8 = false;
        if (command.StartsWith("[none] ", StringComparison.Ordinal))
            (command, offered) = (command[7..], OfferedExtensions.None);
        if (command.StartsWith("[utf8] ", StringComparison.Ordinal))
            (command, utf8) = (command[7..], true);
        Assert.Equal(expected, Read(ReferenceDecoder.Octets(SmugglingTests.Unescape(command)), offered, utf8));
    }

    [Theory]
    [InlineData("NOOP ", 512, "500 5.5.2 Line too long")]
    [InlineData("MAIL FROM:<a@b.example> ", 1208, "500 5.5.2 Line too long")]
    [InlineData("RCPT TO:<a@b.example> ", 1040, "500 5.5.2 Line too long")]
    [InlineData("AUTH PLAIN ", 12288, "500 5.5.6 Authentication exchange line is too long")]
    [InlineData("XCLIENT NAME=", 2048, "500 5.5.2 Line too long")]
    [InlineData("WHAT ", 512, "500 5.5.2 Line too long")]
    public void Line_limits_hold_on_both_sides(string start, int octetsWithCrLf, string refusal)
    {
        var longest = Encoding.ASCII.GetBytes(start.PadRight(octetsWithCrLf - 2, 'x'));
        Assert.NotEqual(refusal, Read(longest, OfferedExtensions.All, false));
        Assert.Equal(refusal, Read([.. longest, (byte)'x'], OfferedExtensions.All, false));
    }

    [Fact]
    public void Parameter_limits_hold_on_both_sides()
    {
        Assert.Equal($"Mail <> envid={new string('e', 100)}", Read($"MAIL FROM:<> ENVID={new string('e', 100)}"));
        Assert.StartsWith("501", Read($"MAIL FROM:<> ENVID={new string('e', 101)}"));
        var longest = "rfc822;" + new string('o', 493);
        Assert.Equal($"Rcpt <a@b> orcpt={longest}", Read($"RCPT TO:<a@b> ORCPT={longest}"));
        Assert.StartsWith("501", Read($"RCPT TO:<a@b> ORCPT={longest}o"));
    }

    [Fact]
    public void A_command_object_keeps_nothing_of_the_last_command()
    {
        var command = new SmtpCommand();
        Parse("MAIL FROM:<a@b> SIZE=9 BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=e AUTH=<> MT-PRIORITY=3 REQUIRETLS");
        Parse("RCPT TO:<c@d> NOTIFY=NEVER ORCPT=rfc822;x");
        Parse("BDAT 5 LAST");
        Parse("AUTH PLAIN x");
        Parse("RSET");
        Assert.Equal("Rset", Describe(command));
        Assert.Null(command.InitialResponse);
        Assert.Equal(0, command.ChunkSize);

        void Parse(string line) => Assert.True(SmtpCommandParser.TryParse(Encoding.ASCII.GetBytes(line),
            OfferedExtensions.All, false, command, out _));
    }

    [Fact]
    public void Arbitrary_lines_give_a_command_or_a_refusal() => Gen.Select(
        Gen.Int[0, Starts.Length - 1].Select(i => Starts[i]),
        Gen.OneOf(Gen.Byte.Array[0, 60], Gen.Char[" <>=\"\\+;,@.aA0-\r"].Array[0, 60]
            .Select(chars => Encoding.Latin1.GetBytes(chars))), Gen.Byte)
        .Sample((start, rest, flags) => SmtpTargets.Command([flags, .. Encoding.ASCII.GetBytes(start), .. rest]),
            iter: 30_000);

    private static string Read(string line) => Read(Encoding.ASCII.GetBytes(line), OfferedExtensions.All, false);

    private static string Read(byte[] line, OfferedExtensions offered, bool utf8)
    {
        var command = new SmtpCommand();
        return SmtpCommandParser.TryParse(line, offered, utf8, command, out var refusal)
            ? Describe(command) : refusal!.ToString();
    }

    private static string Describe(SmtpCommand command)
    {
        var text = new StringBuilder(command.Verb.ToString());
        if (command.Verb is SmtpVerb.Mail or SmtpVerb.Rcpt)
            text.Append(CultureInfo.InvariantCulture, $" <{command.Address}>");
        if (command.Argument.Length > 0)
            text.Append(' ').Append(command.Argument);
        if (command.InitialResponse is { } response)
            text.Append(' ').Append(response);
        if (command.Verb == SmtpVerb.Bdat)
            text.Append(CultureInfo.InvariantCulture, $" {command.ChunkSize}{(command.IsLastChunk ? " LAST" : "")}");
        Append("size", command.Size);
        Append("body", command.Body == BodyKind.SevenBit ? null : command.Body);
        Append("ret", command.Return == DsnReturn.Unspecified ? null : command.Return);
        Append("envid", command.EnvelopeId);
        Append("auth", command.AuthSender);
        Append("priority", command.MtPriority);
        Append("notify", command.Notify == DsnNotify.Default ? null : command.Notify);
        Append("orcpt", command.OriginalRecipient);
        if (command.SmtpUtf8)
            text.Append(" smtputf8");
        if (command.RequireTls)
            text.Append(" requiretls");
        return text.ToString();

        void Append(string name, object? value)
        {
            if (value is not null)
                text.Append(CultureInfo.InvariantCulture, $" {name}={value}");
        }
    }
}
