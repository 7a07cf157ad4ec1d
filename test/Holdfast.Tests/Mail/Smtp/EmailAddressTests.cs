using System.Text;
using CsCheck;
using Holdfast.Fuzz.Targets;
using Holdfast.Mail.Smtp;

namespace Holdfast.Tests.Mail.Smtp;

public class EmailAddressTests
{
    private static readonly string Local64 = new('a', 64);
    private static readonly string Label63 = new('b', 63);

    [Theory]
    [InlineData("<ann@example.org>", "ann@example.org", "example.org")]
    [InlineData("<Ann@EXAMPLE.Org>", "Ann@example.org", "example.org")]
    [InlineData("<>", "", "")]
    [InlineData("<PostMaster>", "postmaster", "")]
    [InlineData("<@relay.example,@b.example:ann@example.org>", "ann@example.org", "example.org")]
    [InlineData("<a%b!c@example.org>", "a%b!c@example.org", "example.org")]
    [InlineData("<\"ann\"@example.org>", "ann@example.org", "example.org")]
    [InlineData("<\"a\\nn\"@example.org>", "ann@example.org", "example.org")]
    [InlineData("<\"a b\"@example.org>", "\"a b\"@example.org", "example.org")]
    [InlineData("<\"a>b\"@example.org>", "\"a>b\"@example.org", "example.org")]
    [InlineData("<\"a@b\"@example.org>", "\"a@b\"@example.org", "example.org")]
    [InlineData("<\"a..b\"@example.org>", "\"a..b\"@example.org", "example.org")]
    [InlineData("<\"q\\\"\\\\q\"@example.org>", "\"q\\\"\\\\q\"@example.org", "example.org")]
    [InlineData("<\"\"@example.org>", "\"\"@example.org", "example.org")]
    [InlineData("<ann@[192.0.2.1]>", "ann@[192.0.2.1]", "[192.0.2.1]")]
    [InlineData("<ann@[ipv6:2001:DB8::1]>", "ann@[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]")]
    [InlineData("<ann@a_b.example>", "ann@a_b.example", "a_b.example")]
    [InlineData("<ann@localhost>", "ann@localhost", "localhost")]
    public void Paths_become_canonical(string path, string text, string domain)
    {
        Assert.True(EmailAddress.TryParsePath(Encoding.UTF8.GetBytes(path), false, out var address, out var fault));
        Assert.Equal(AddressFault.None, fault);
        Assert.Equal(text, address.Text);
        Assert.Equal(domain, address.Domain);
    }

    [Theory]
    [InlineData("ann@example.org", "Syntax")]
    [InlineData("<ann@example.org", "Syntax")]
    [InlineData("<ann>", "Syntax")]
    [InlineData("<@example.org>", "Syntax")]
    [InlineData("<.ann@example.org>", "Syntax")]
    [InlineData("<ann.@example.org>", "Syntax")]
    [InlineData("<a..n@example.org>", "Syntax")]
    [InlineData("<a b@example.org>", "Syntax")]
    [InlineData("<\"ann@example.org>", "Syntax")]
    [InlineData("<\"ann\\@example.org>", "Syntax")]
    [InlineData("<\"ann\"b@example.org>", "Syntax")]
    [InlineData("<@a.example:>", "Syntax")]
    [InlineData("<@a.example,ann@example.org>", "Syntax")]
    [InlineData("<@a.example:@b.example:ann@example.org>", "Syntax")]
    [InlineData("<ann@>", "BadDomain")]
    [InlineData("<ann@example..org>", "BadDomain")]
    [InlineData("<ann@example.org.>", "BadDomain")]
    [InlineData("<ann@-example.org>", "BadDomain")]
    [InlineData("<ann@example-.org>", "BadDomain")]
    [InlineData("<ann@exa mple.org>", "BadDomain")]
    [InlineData("<ann@a@b.example>", "BadDomain")]
    [InlineData("<ann@192.0.2.1>", "BadDomain")]
    [InlineData("<ann@[192.0.2.256]>", "BadLiteral")]
    [InlineData("<ann@[192.0.2.01]>", "BadLiteral")]
    [InlineData("<ann@[192.0.2]>", "BadLiteral")]
    [InlineData("<ann@[2001:db8::1]>", "BadLiteral")]
    [InlineData("<ann@[IPv6:192.0.2.1]>", "BadLiteral")]
    [InlineData("<ann@[IPv6:fe80::1%eth0]>", "BadLiteral")]
    [InlineData("<ann@[x400:c=de]>", "BadLiteral")]
    [InlineData("<ann@[]>", "BadLiteral")]
    [InlineData("<\"a\rb\"@example.org>", "ControlCharacter")]
    [InlineData("<\"a\\\nb\"@example.org>", "ControlCharacter")]
    [InlineData("<\"a\0b\"@example.org>", "ControlCharacter")]
    [InlineData("<a\tb@example.org>", "ControlCharacter")]
    [InlineData("<ann@exam\u007fple.org>", "ControlCharacter")]
    [InlineData("<änn@example.org>", "NeedsSmtpUtf8")]
    [InlineData("<ann@exämple.org>", "NeedsSmtpUtf8")]
    public void Faulty_paths_are_named(string path, string expected)
    {
        Assert.False(EmailAddress.TryParsePath(Encoding.UTF8.GetBytes(path), false, out var address, out var fault));
        Assert.Equal(expected, fault.ToString());
        Assert.True(address.IsNull);
    }

    [Theory]
    [InlineData("<änn@exÄmple.org>", true)]
    [InlineData("<用户@例子.公司>", true)]
    [InlineData("<\"ä b\"@example.org>", true)]
    [InlineData("<a\u0085b@example.org>", false)]
    [InlineData("<a\u2028b@example.org>", false)]
    [InlineData("<ann@exa\u3002mple.org>", false)]
    [InlineData("<ann@exa\uff0emple.org>", false)]
    [InlineData("<ann@a\uff20b.org>", false)]
    public void Utf8_is_taken_where_it_is_harmless(string path, bool taken) =>
        Assert.Equal(taken, EmailAddress.TryParsePath(Encoding.UTF8.GetBytes(path), true, out _, out _));

    [Fact]
    public void Octets_that_are_not_utf8_are_refused()
    {
        Assert.False(EmailAddress.TryParse([(byte)'a', 0xC3, (byte)'@', (byte)'b'], true, out _, out var fault));
        Assert.Equal(AddressFault.BadUtf8, fault);
        Assert.False(EmailAddress.TryParse([(byte)'a', 0xC0, 0x8A, (byte)'@', (byte)'b'], true, out _, out fault));
        Assert.Equal(AddressFault.BadUtf8, fault);
    }

    [Fact]
    public void Limits_hold_on_both_sides()
    {
        Assert.Equal(AddressFault.None, Fault($"{Local64}@b.example"));
        Assert.Equal(AddressFault.LocalPartTooLong, Fault($"a{Local64}@b.example"));
        Assert.Equal(AddressFault.None, Fault($"\"{Local64[..60]}  \"@b.example"));
        Assert.Equal(AddressFault.LocalPartTooLong, Fault($"\"{Local64[..62]} \"@b.example"));
        Assert.Equal(AddressFault.None, Fault($"a@{Label63}.example"));
        Assert.Equal(AddressFault.BadDomain, Fault($"a@b{Label63}.example"));
        var domain252 = $"{Label63}.{Label63}.{Label63}.{Label63[..60]}";
        Assert.Equal(252, domain252.Length);
        Assert.Equal(AddressFault.None, Fault($"a@{domain252}"));
        Assert.Equal(AddressFault.PathTooLong, Fault($"aa@{domain252}"));
        Assert.Equal(AddressFault.DomainTooLong, Fault($"a@bbb.{domain252}"));
        Assert.False(EmailAddress.TryParsePath(Encoding.ASCII.GetBytes($"<@x.example:a@{domain252}>"), false, out _,
            out var fault));
        Assert.Equal(AddressFault.PathTooLong, fault);
    }

    [Fact]
    public void What_was_read_reads_back_to_itself() => Gen.OneOf(
        Gen.String[Gen.OneOf(Gen.Char["ab.\"\\@<>[]: -é中"], Gen.Char), 0, 40],
        Gen.Select(Gen.String[Gen.Char["ab. \"\\é"], 0, 10], Gen.String[Gen.Char["aB.-é"], 1, 10])
            .Select((l, d) => $"\"{l.Replace("\\", "\\\\").Replace("\"", "\\\"")}\"@{d}"))
        .Sample(text =>
        {
            if (!EmailAddress.TryParse(Encoding.UTF8.GetBytes(text), true, out var address, out _))
                return;
            Assert.True(EmailAddress.TryParsePath(Encoding.UTF8.GetBytes($"<{address.Text}>"), true, out var again,
                out var fault), $"{text} → {address.Text}: {fault}");
            Assert.Equal(address, again);
            Assert.DoesNotContain(address.Text, char.IsControl);
        }, iter: 20_000);

    [Fact]
    public void Arbitrary_octets_never_throw() => Gen.Byte.Array[0, 300].Select(Gen.Bool).Sample((octets, utf8) =>
    {
        EmailAddress.TryParse(octets, utf8, out _, out _);
        EmailAddress.TryParsePath(octets, utf8, out _, out _);
        Assert.InRange(EmailAddress.PathLength(octets), -1, octets.Length);
        byte[] path = [(byte)'<', .. octets, (byte)'>'];
        SmtpTargets.Address(path);
        Assert.InRange(EmailAddress.PathLength(path), -1, path.Length);
    }, iter: 20_000);

    private static AddressFault Fault(string mailbox)
    {
        EmailAddress.TryParse(Encoding.UTF8.GetBytes(mailbox), false, out _, out var fault);
        return fault;
    }
}
