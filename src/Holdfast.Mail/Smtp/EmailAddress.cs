using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Text;
using System.Text.Unicode;

namespace Holdfast.Mail.Smtp;

/// <summary>Why a path or mailbox isn't one.</summary>
internal enum AddressFault : byte
{
    None = 0,
    Syntax,
    /// <summary>CR, LF, NUL or another control, raw or behind a backslash.</summary>
    ControlCharacter,
    LocalPartTooLong,
    DomainTooLong,
    PathTooLong,
    /// <summary>Octets above 127 where SMTPUTF8 wasn't asked for.</summary>
    NeedsSmtpUtf8,
    /// <summary>Octets above 127 that aren't UTF-8, or characters that no address holds.</summary>
    BadUtf8,
    BadDomain,
    BadLiteral,
}

/// <summary>A mailbox, the null path or the bare postmaster, in canonical form.</summary>
/// <remarks>
/// Promise: <see cref="Text"/> holds no CR, LF, NUL or other control, keeps within RFC 5321 §4.5.3.1's limits and reads
/// back to itself between angle brackets. The domain is in lower case, the local part as given; quotes stay only where
/// they are needed. Source routes are dropped (§4.1.1.3); '%' and '!' mean nothing here.
/// Beyond the grammar: '_' in a domain's label is taken, as most servers do; a top label of digits only is not
/// (RFC 3696 §2), since resolvers take such a name for an address. Unicode isn't normalised.
/// </remarks>
internal readonly record struct EmailAddress
{
    /// <summary>RFC 5321 §4.5.3.1.1, octets, quotes included.</summary>
    public const int LocalPartBytesMax = 64;
    /// <summary>RFC 5321 §4.5.3.1.2, octets.</summary>
    public const int DomainBytesMax = 255;
    /// <summary>RFC 5321 §4.5.3.1.3, octets, angle brackets included.</summary>
    public const int PathBytesMax = 256;
    private const int LabelBytesMax = 63;

    private static readonly SearchValues<byte> Atext = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~."u8);
    private static readonly SearchValues<byte> LabelText = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."u8);
    private static readonly SearchValues<byte> LiteralText = SearchValues.Create("0123456789abcdefABCDEF:."u8);

    private readonly string? _text;
    private readonly string? _domain;

    private EmailAddress(string text, string domain) => (_text, _domain) = (text, domain);

    /// <summary>"local@domain", "postmaster", or empty for the null path.</summary>
    public string Text => _text ?? "";
    /// <summary>Lower case; "[192.0.2.1]" or "[IPv6:…]" for a literal; empty for the null path and the bare postmaster.
    /// </summary>
    public string Domain => _domain ?? "";
    /// <summary>As it stands in <see cref="Text"/>: quoted where it must be.</summary>
    public ReadOnlySpan<char> LocalPart =>
        Domain.Length == 0 ? Text : Text.AsSpan(0, Text.Length - Domain.Length - 1);
    public bool IsNull => Text.Length == 0;
    public bool IsBarePostmaster => Domain.Length == 0 && Text.Length > 0;
    /// <summary>Postmaster of any domain: always accepted (RFC 5321 §4.5.1).</summary>
    public bool IsPostmaster => LocalPart.Equals("postmaster", StringComparison.OrdinalIgnoreCase);
    public bool IsAscii => Ascii.IsValid(Text);
    public override string ToString() => Text;

    /// <summary>Reads "&lt;local@domain&gt;", "&lt;@route:local@domain&gt;", "&lt;&gt;" or "&lt;postmaster&gt;".
    /// </summary>
    public static bool TryParsePath(ReadOnlySpan<byte> path, bool allowUtf8, out EmailAddress address,
        out AddressFault fault)
    {
        address = default;
        if (path.Length > PathBytesMax)
            return Fail(AddressFault.PathTooLong, out fault);
        if (path.Length < 2 || path[0] != '<' || path[^1] != '>')
            return Fail(FindControl(path) ? AddressFault.ControlCharacter : AddressFault.Syntax, out fault);
        var inner = path[1..^1];
        if (inner.IsEmpty)
        {
            fault = AddressFault.None;
            return true;
        }
        // RFC 5321 §4.1.1.3: a postmaster without domain must be known, in any case.
        if (Ascii.EqualsIgnoreCase(inner, "postmaster"u8))
        {
            address = new EmailAddress("postmaster", "");
            fault = AddressFault.None;
            return true;
        }
        // RFC 5321 §4.1.2, A-d-l: accepted and ignored (appendix C).
        while (inner[0] == '@')
        {
            var end = inner.IndexOfAny((byte)',', (byte)':');
            if (end < 0)
                return Fail(AddressFault.Syntax, out fault);
            fault = CheckDomain(inner[1..end], allowUtf8);
            if (fault != AddressFault.None)
                return false;
            var last = inner[end] == ':';
            inner = inner[(end + 1)..];
            if (inner.IsEmpty || last == (inner[0] == '@'))
                return Fail(AddressFault.Syntax, out fault);
        }
        return TryParse(inner, allowUtf8, out address, out fault);
    }

    /// <summary>Reads "local@domain" without brackets.</summary>
    public static bool TryParse(ReadOnlySpan<byte> mailbox, bool allowUtf8, out EmailAddress address,
        out AddressFault fault)
    {
        address = default;
        if (mailbox.Length > LocalPartBytesMax + 1 + DomainBytesMax)
            return Fail(AddressFault.PathTooLong, out fault);
        if (FindControl(mailbox))
            return Fail(AddressFault.ControlCharacter, out fault);
        if (!Ascii.IsValid(mailbox))
        {
            if (!allowUtf8)
                return Fail(AddressFault.NeedsSmtpUtf8, out fault);
            if (!Utf8.IsValid(mailbox) || HoldsForbiddenRune(mailbox))
                return Fail(AddressFault.BadUtf8, out fault);
        }
        // Canonical form. Escaping never makes a local part longer than twice its raw limit.
        Span<byte> canonical = stackalloc byte[(2 * LocalPartBytesMax) + 2 + 1 + DomainBytesMax];
        fault = ReadLocalPart(mailbox, canonical, out var consumed, out var written);
        if (fault != AddressFault.None)
            return false;
        if (consumed >= mailbox.Length || mailbox[consumed] != '@')
            return Fail(AddressFault.Syntax, out fault);
        var domain = mailbox[(consumed + 1)..];
        canonical[written++] = (byte)'@';
        if (domain.Length > DomainBytesMax)
            return Fail(AddressFault.DomainTooLong, out fault);
        string domainText;
        if (domain.Length > 0 && domain[0] == '[')
        {
            if (ReadLiteral(domain) is not { } literal)
                return Fail(AddressFault.BadLiteral, out fault);
            domainText = literal;
        }
        else
        {
            fault = CheckDomain(domain, allowUtf8);
            if (fault != AddressFault.None)
                return false;
            // Lower case by simple mapping; A-labels and U-labels aren't converted into each other.
            domainText = Encoding.UTF8.GetString(domain).ToLowerInvariant();
        }
        // Lower-casing can change the number of octets: the limits are about what we keep.
        if (Encoding.UTF8.GetByteCount(domainText) > DomainBytesMax)
            return Fail(AddressFault.DomainTooLong, out fault);
        var kept = Encoding.UTF8.GetBytes(domainText, canonical[written..]);
        if (domainText[0] != '[' && CheckDomain(canonical.Slice(written, kept), allowUtf8) != AddressFault.None)
            return Fail(AddressFault.BadDomain, out fault);
        written += kept;
        if (written + 2 > PathBytesMax)
            return Fail(AddressFault.PathTooLong, out fault);
        address = new EmailAddress(Encoding.UTF8.GetString(canonical[..written]), domainText);
        return true;
    }

    /// <summary>Reads "local@domain" from configuration or an operator; UTF-8 is allowed.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out EmailAddress address)
    {
        address = default;
        return text is { Length: > 0 and <= LocalPartBytesMax + 1 + DomainBytesMax }
            && TryParse(Encoding.UTF8.GetBytes(text), allowUtf8: true, out address, out _);
    }

    /// <summary>Length of the path at the start of a command's argument, quotes respected, or -1.</summary>
    public static int PathLength(ReadOnlySpan<byte> argument)
    {
        if (argument.IsEmpty || argument[0] != '<')
            return -1;
        var quoted = false;
        for (var i = 1; i < argument.Length; i++)
        {
            switch (argument[i])
            {
                case (byte)'"': quoted = !quoted; break;
                case (byte)'\\' when quoted: i++; break;
                case (byte)'>' when !quoted: return i + 1;
            }
        }
        return -1;
    }

    private static bool Fail(AddressFault reason, out AddressFault fault)
    {
        fault = reason;
        return false;
    }

    private static bool FindControl(ReadOnlySpan<byte> text) =>
        text.IndexOfAnyInRange((byte)0, (byte)31) >= 0 || text.Contains((byte)127);

    /// <summary>C1 controls, line and paragraph separators: a later hop could take them for line ends.</summary>
    private static bool HoldsForbiddenRune(ReadOnlySpan<byte> text)
    {
        while (!text.IsEmpty)
        {
            _ = Rune.DecodeFromUtf8(text, out var rune, out var length);
            if (rune.Value is (>= 0x80 and <= 0x9F) or 0x2028 or 0x2029 or 0xFEFF)
                return true;
            text = text[length..];
        }
        return false;
    }

    private static AddressFault ReadLocalPart(ReadOnlySpan<byte> text, Span<byte> canonical, out int consumed,
        out int written)
    {
        consumed = written = 0;
        if (text.IsEmpty || text[0] == '@')
            return AddressFault.Syntax;
        if (text[0] != '"')
        {
            consumed = text.IndexOf((byte)'@');
            if (consumed < 0)
                return AddressFault.Syntax;
            if (consumed > LocalPartBytesMax)
                return AddressFault.LocalPartTooLong;
            if (!IsDotString(text[..consumed]))
                return AddressFault.Syntax;
            text[..consumed].CopyTo(canonical);
            written = consumed;
            return AddressFault.None;
        }
        // RFC 5321 §4.1.2 Quoted-string: kept unescaped first, then quoted again only if a dot-string can't hold it.
        Span<byte> content = stackalloc byte[LocalPartBytesMax];
        var length = 0;
        var i = 1;
        for (; ; i++)
        {
            if (i >= text.Length)
                return AddressFault.Syntax;
            var b = text[i];
            if (b == '"')
                break;
            if (b == '\\' && ++i < text.Length)
                b = text[i];
            else if (b == '\\')
                return AddressFault.Syntax;
            if (length + 2 >= LocalPartBytesMax)
                return AddressFault.LocalPartTooLong;
            content[length++] = b;
        }
        consumed = i + 1;
        if (consumed > LocalPartBytesMax)
            return AddressFault.LocalPartTooLong;
        content = content[..length];
        if (IsDotString(content))
        {
            content.CopyTo(canonical);
            written = length;
            return AddressFault.None;
        }
        canonical[written++] = (byte)'"';
        foreach (var b in content)
        {
            if (b is (byte)'"' or (byte)'\\')
                canonical[written++] = (byte)'\\';
            canonical[written++] = b;
        }
        canonical[written++] = (byte)'"';
        return AddressFault.None;
    }

    private static bool IsDotString(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty || text[0] == '.' || text[^1] == '.' || text.IndexOf(".."u8) >= 0)
            return false;
        while (true)
        {
            var odd = text.IndexOfAnyExcept(Atext);
            if (odd < 0)
                return true;
            if (text[odd] < 128)
                return false;
            text = text[(odd + 1)..];
        }
    }

    private static AddressFault CheckDomain(ReadOnlySpan<byte> domain, bool allowUtf8)
    {
        if (domain.IsEmpty)
            return AddressFault.BadDomain;
        if (domain.Length > DomainBytesMax)
            return AddressFault.DomainTooLong;
        if (domain.ContainsAnyExcept(LabelText))
        {
            if (Ascii.IsValid(domain))
                return FindControl(domain) ? AddressFault.ControlCharacter : AddressFault.BadDomain;
            if (!allowUtf8)
                return AddressFault.NeedsSmtpUtf8;
            if (!IsInternationalDomain(domain))
                return AddressFault.BadDomain;
        }
        var digitsOnly = false;
        while (true)
        {
            var dot = domain.IndexOf((byte)'.');
            var label = dot < 0 ? domain : domain[..dot];
            if (label.Length is 0 or > LabelBytesMax || label[0] == '-' || label[^1] == '-')
                return AddressFault.BadDomain;
            digitsOnly = !label.ContainsAnyExceptInRange((byte)'0', (byte)'9');
            if (dot < 0)
                return digitsOnly ? AddressFault.BadDomain : AddressFault.None;
            domain = domain[(dot + 1)..];
        }
    }

    /// <summary>Letters, marks and digits, roughly what IDNA 2008 takes (RFC 5892): look-alikes of dot and at-sign are
    /// out, so no later hop can split the domain elsewhere.</summary>
    private static bool IsInternationalDomain(ReadOnlySpan<byte> domain)
    {
        while (!domain.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(domain, out var rune, out var length) != OperationStatus.Done)
                return false;
            if (rune.IsAscii)
            {
                if (!LabelText.Contains((byte)rune.Value))
                    return false;
            }
            else if (!Rune.IsLetterOrDigit(rune) && Rune.GetUnicodeCategory(rune) is not
                (System.Globalization.UnicodeCategory.NonSpacingMark
                or System.Globalization.UnicodeCategory.SpacingCombiningMark)
                && rune.Value is not (0xB7 or 0x375 or 0x5F3 or 0x5F4 or 0x30FB or 0x200C or 0x200D))
            {
                return false;
            }
            domain = domain[length..];
        }
        return true;
    }

    /// <summary>RFC 5321 §4.1.3; tags other than IPv6 are registered nowhere and refused.</summary>
    private static string? ReadLiteral(ReadOnlySpan<byte> domain)
    {
        if (domain.Length < 3 || domain[^1] != ']')
            return null;
        var inner = domain[1..^1];
        var six = inner.Length > 5 && Ascii.EqualsIgnoreCase(inner[..5], "IPv6:"u8);
        if (six)
            inner = inner[5..];
        if (inner.Length > 45 || inner.ContainsAnyExcept(LiteralText) || inner.Contains((byte)':') != six)
            return null;
        if (!six && !IsDottedQuad(inner))
            return null;
        Span<char> text = stackalloc char[inner.Length];
        Encoding.ASCII.GetChars(inner, text);
        return IPAddress.TryParse(text, out var ip) ? six ? $"[IPv6:{ip}]" : $"[{ip}]" : null;
    }

    /// <summary>Four decimal numbers without leading zeros: the stock parser would also take octal and short forms.
    /// </summary>
    private static bool IsDottedQuad(ReadOnlySpan<byte> text)
    {
        var parts = 0;
        foreach (var range in text.Split((byte)'.'))
        {
            var part = text[range];
            if (++parts > 4 || part.Length is 0 or > 3 || (part.Length > 1 && part[0] == '0')
                || part.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
            {
                return false;
            }
        }
        return parts == 4;
    }
}
