using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using CsCheck;
using Holdfast.Fuzz.Targets;
using Holdfast.Mail.Smtp;

namespace Holdfast.Tests.Mail.Smtp;

/// <summary>No mixture of CR, LF, NUL and dot but CRLF.CRLF ends data, however the wire cuts it.</summary>
public class SmugglingTests
{
    private const string Before = "Subject: a\r\n\r\nfirst";
    private const string Behind = "MAIL FROM:<evil@example.org>\r\nRCPT TO:<victim@example.org>\r\nDATA\r\nboo";

    private static readonly BareNewlinePolicy[] Policies = [BareNewlinePolicy.Reject, BareNewlinePolicy.Normalise];

    public static TheoryData<string> Names => [.. Variants.Keys];

    private static Dictionary<string, string> Variants { get; } =
        File.ReadLines(Path.Combine(AppContext.BaseDirectory, "corpora/smtp/smuggling.txt"))
            .Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split('|', 2))
            .ToDictionary(parts => parts[0].Trim(), parts => Unescape(parts[1].TrimStart()));

    [Theory]
    [MemberData(nameof(Names))]
    public void A_look_alike_never_ends_data_at_any_cut(string name)
    {
        var message = Before + Variants[name] + Behind;
        var wire = ReferenceDecoder.Octets(message + "\r\n.\r\nQUIT\r\n");
        Assert.Equal(message.Length + 5, ReferenceDecoder.Data(Encoding.Latin1.GetString(wire), false)!.Consumed);
        foreach (var policy in Policies)
        {
            SmtpTargets.CompareData(wire, policy, 1);
            SmtpTargets.CompareData(wire, policy, wire.Length);
            for (var first = 1; first < wire.Length; first++)
            {
                for (var second = first + 1; second <= Math.Min(first + 6, wire.Length); second++)
                    SmtpTargets.CompareData(wire, policy, first, second);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void What_is_written_holds_no_bare_newline(string name)
    {
        var reader = new DataReader();
        foreach (var policy in Policies)
        {
            reader.Reset(policy, long.MaxValue);
            var output = new System.Buffers.ArrayBufferWriter<byte>();
            Assert.True(reader.Read(ReferenceDecoder.Octets(Before + Variants[name] + Behind + "\r\n.\r\n"), output,
                out _));
            var text = Encoding.Latin1.GetString(output.WrittenSpan).Replace("\r\n", "");
            if (reader.Fault == ContentFault.None)
                Assert.False(text.Contains('\r') || text.Contains('\n'));
            else
                Assert.Equal("5.5.2", reader.Refusal!.Status.ToString());
        }
    }

    [Fact]
    public void All_short_strings_of_newlines_and_dots_agree_with_the_reference()
    {
        ReadOnlySpan<byte> alphabet = "\r\n.a"u8;
        Span<byte> wire = stackalloc byte[12];
        for (var length = 0; length <= 7; length++)
        {
            for (var number = 0; number < 1 << (2 * length); number++)
            {
                for (var i = 0; i < length; i++)
                    wire[i] = alphabet[(number >> (2 * i)) & 3];
                "\r\n.\r\n"u8.CopyTo(wire[length..]);
                var whole = wire[..(length + 5)];
                foreach (var policy in Policies)
                {
                    SmtpTargets.CompareData(whole, policy, 1);
                    SmtpTargets.CompareData(whole, policy, whole.Length);
                    SmtpTargets.CompareBdat(whole[..^4], policy, 2, 3);
                    for (var cut = 1; cut < whole.Length && length <= 5; cut++)
                        SmtpTargets.CompareData(whole, policy, cut, whole.Length);
                }
            }
        }
    }

    [Fact]
    public void Random_messages_in_random_pieces_agree_with_the_reference() => Gen.Select(
        Gen.OneOf(Gen.Const("\r\n"), Gen.Const("\r\n"), Gen.Const("\r\n."), Gen.Const("."), Gen.Const("\n"),
            Gen.Const("\r"), Gen.Const("Received"), Gen.Const(":"), Gen.Const(" "), Gen.Const("\0"),
            Gen.Char['a', 'ÿ'].Select(c => c.ToString()), Gen.Int[1, 1100].Select(n => new string('x', n)))
            .Array[0, 30].Select(string.Concat),
        Gen.Int[1, 60].Array[0, 40], Gen.Bool, Gen.Bool)
        .Sample((text, sizes, normalise, clean) =>
        {
            if (clean)
                text = Regex.Replace(text, "\r(?!\n)|(?<!\r)\n", "");
            var wire = ReferenceDecoder.Octets(text + "\r\n.\r\nRSET\r\n");
            var policy = normalise ? BareNewlinePolicy.Normalise : BareNewlinePolicy.Reject;
            var cuts = new int[sizes.Length + 1];
            for (var i = 0; i < sizes.Length; i++)
                cuts[i + 1] = Math.Min(cuts[i] + sizes[i], wire.Length);
            cuts[0] = 0;
            SmtpTargets.CompareData(wire, policy, cuts.Length == 1 ? [wire.Length] : cuts);
            SmtpTargets.CompareBdat(wire, policy, sizes.Length > 0 ? sizes[0] : 7, sizes.Length > 1 ? sizes[1] : 5);
        }, iter: 5_000);

    internal static string Unescape(string text) => Regex.Replace(text, @"\\(r|n|0|t|x[0-9A-Fa-f]{2})", match =>
        match.Groups[1].Value switch
        {
            "r" => "\r",
            "n" => "\n",
            "0" => "\0",
            "t" => "\t",
            var hex => ((char)byte.Parse(hex.AsSpan(1), NumberStyles.HexNumber, CultureInfo.InvariantCulture))
                .ToString(),
        });
}
