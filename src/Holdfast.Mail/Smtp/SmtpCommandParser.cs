using System.Buffers.Text;
using System.Text;
using System.Text.Unicode;

namespace Holdfast.Mail.Smtp;

/// <summary>Reads one command line.</summary>
/// <remarks>
/// Promise: any octets give either a command whose every value is checked and in range, or the reply to send; nothing
/// throws, nothing is allocated but the strings of the values. Which command may come when is the session's business.
/// Tolerated beyond the grammar, as by most servers: blanks behind "FROM:" and "TO:", trailing blanks, several blanks
/// between parameters.
/// </remarks>
internal static class SmtpCommandParser
{
    /// <summary>RFC 5321 §4.5.3.1.4, CRLF included.</summary>
    public const int LineBytesMax = 512;
    /// <summary>512 and what extensions add (RFC 5321 §4.1.1.11): SIZE 26 (RFC 1870), BODY 17 (6152), SMTPUTF8 10
    /// (6531), AUTH 500 (4954), RET and ENVID 117 (3461), MT-PRIORITY 15 (6710), REQUIRETLS 11 (8689).</summary>
    public const int MailLineBytesMax = LineBytesMax + 26 + 17 + 10 + 500 + 117 + 15 + 11;
    /// <summary>512, and for NOTIFY and ORCPT 528 (RFC 3461 §5.1).</summary>
    public const int RcptLineBytesMax = LineBytesMax + 528;
    /// <summary>RFC 4954 §4: also of the lines that answer a challenge.</summary>
    public const int AuthLineBytesMax = 12288;
    /// <summary>No RFC; Postfix's line_length_limit.</summary>
    public const int XClientLineBytesMax = 2048;
    /// <summary>The longest line that any command may have: beyond it a session need not buffer.</summary>
    public const int AnyLineBytesMax = AuthLineBytesMax;

    private const int CrLf = 2;

    /// <summary>Parses a line without its CRLF. On false, <paramref name="refusal"/> is the reply and
    /// <see cref="SmtpCommand.Verb"/> tells what it seemed to be.</summary>
    /// <param name="line">The line.</param>
    /// <param name="offered">What EHLO told this client.</param>
    /// <param name="utf8Transaction">MAIL came with SMTPUTF8: RCPT, VRFY and EXPN may hold UTF-8.</param>
    /// <param name="command">Cleared and filled.</param>
    /// <param name="refusal">Null on success.</param>
    public static bool TryParse(ReadOnlySpan<byte> line, OfferedExtensions offered, bool utf8Transaction,
        SmtpCommand command, out SmtpReply? refusal)
    {
        command.Clear();
        refusal = Parse(line, offered, utf8Transaction, command);
        return refusal is null;
    }

    private static SmtpReply? Parse(ReadOnlySpan<byte> line, OfferedExtensions offered, bool utf8Transaction,
        SmtpCommand command)
    {
        var space = line.IndexOf((byte)' ');
        var word = space < 0 ? line : line[..space];
        command.Verb = Verb(word);
        if (line.Length + CrLf > LineMax(command.Verb))
            return command.Verb == SmtpVerb.Auth ? StandardReplies.AuthLineTooLong : StandardReplies.LineTooLong;
        if (line.IndexOfAny((byte)'\r', (byte)'\n') >= 0)
            return StandardReplies.BareNewlineInCommand;
        if (line.IndexOfAnyInRange((byte)0, (byte)31) >= 0 || line.Contains((byte)127))
            return StandardReplies.ControlInCommand;
        var rest = space < 0 ? [] : line[space..].Trim((byte)' ');
        switch (command.Verb)
        {
            case SmtpVerb.Mail:
                return Strip(ref rest, "FROM:"u8)
                    ? ParseMail(rest, offered, command) : StandardReplies.BadArgument;
            case SmtpVerb.Rcpt:
                return Strip(ref rest, "TO:"u8)
                    ? ParseRcpt(rest, offered, utf8Transaction, command) : StandardReplies.BadArgument;
            case SmtpVerb.Helo or SmtpVerb.Ehlo:
                // RFC 5321 §4.1.1.1. Only its form is checked: too many clients name themselves badly.
                if (rest.IsEmpty || rest.Length > EmailAddress.DomainBytesMax || rest.Contains((byte)' '))
                    return StandardReplies.HelloNeedsName;
                return SetArgument(rest, allowUtf8: false, command);
            case SmtpVerb.Data or SmtpVerb.Rset or SmtpVerb.Quit or SmtpVerb.StartTls:
                return rest.IsEmpty ? null : StandardReplies.NoArgumentAllowed;
            case SmtpVerb.Bdat:
                return ParseBdat(rest, command);
            case SmtpVerb.Auth:
                return ParseAuth(rest, command);
            case SmtpVerb.Vrfy or SmtpVerb.Expn:
                return rest.IsEmpty ? StandardReplies.BadArgument
                    : SetArgument(rest, (offered & OfferedExtensions.SmtpUtf8) != 0, command);
            case SmtpVerb.XClient:
                return rest.IsEmpty ? StandardReplies.BadArgument : SetArgument(rest, allowUtf8: true, command);
            case SmtpVerb.Noop or SmtpVerb.Help:
                return null; // the argument is ignored (RFC 5321 §4.1.1.9)
            default:
                return StandardReplies.Unrecognised;
        }
    }

    private static int LineMax(SmtpVerb verb) => verb switch
    {
        SmtpVerb.Mail => MailLineBytesMax,
        SmtpVerb.Rcpt => RcptLineBytesMax,
        SmtpVerb.Auth => AuthLineBytesMax,
        SmtpVerb.XClient => XClientLineBytesMax,
        _ => LineBytesMax,
    };

    private static SmtpVerb Verb(ReadOnlySpan<byte> word)
    {
        switch (word.Length)
        {
            case 4:
                // Upper case by clearing bit 5: only a letter of either case becomes an upper-case letter.
                var key = (uint)((word[0] << 24) | (word[1] << 16) | (word[2] << 8) | word[3]) & 0xDFDFDFDF;
                var verb = key switch
                {
                    0x48454C4F => SmtpVerb.Helo,
                    0x45484C4F => SmtpVerb.Ehlo,
                    0x4D41494C => SmtpVerb.Mail,
                    0x52435054 => SmtpVerb.Rcpt,
                    0x44415441 => SmtpVerb.Data,
                    0x42444154 => SmtpVerb.Bdat,
                    0x52534554 => SmtpVerb.Rset,
                    0x4E4F4F50 => SmtpVerb.Noop,
                    0x51554954 => SmtpVerb.Quit,
                    0x56524659 => SmtpVerb.Vrfy,
                    0x4558504E => SmtpVerb.Expn,
                    0x48454C50 => SmtpVerb.Help,
                    0x41555448 => SmtpVerb.Auth,
                    _ => SmtpVerb.Unknown,
                };
                return verb;
            case 7:
                return Ascii.EqualsIgnoreCase(word, "XCLIENT"u8) ? SmtpVerb.XClient : SmtpVerb.Unknown;
            case 8:
                return Ascii.EqualsIgnoreCase(word, "STARTTLS"u8) ? SmtpVerb.StartTls : SmtpVerb.Unknown;
            default:
                return SmtpVerb.Unknown;
        }
    }

    private static bool Strip(ref ReadOnlySpan<byte> rest, ReadOnlySpan<byte> keyword)
    {
        if (rest.Length < keyword.Length || !Ascii.EqualsIgnoreCase(rest[..keyword.Length], keyword))
            return false;
        rest = rest[keyword.Length..].TrimStart((byte)' ');
        return true;
    }

    private static SmtpReply? SetArgument(ReadOnlySpan<byte> text, bool allowUtf8, SmtpCommand command)
    {
        if (!Ascii.IsValid(text) && (!allowUtf8 || !Utf8.IsValid(text)))
            return allowUtf8 ? StandardReplies.BadUtf8 : StandardReplies.BadArgument;
        command.Argument = Encoding.UTF8.GetString(text);
        return null;
    }

    private static SmtpReply? ParseMail(ReadOnlySpan<byte> rest, OfferedExtensions offered, SmtpCommand command)
    {
        var end = EmailAddress.PathLength(rest);
        if (end < 0 || (end < rest.Length && rest[end] != ' '))
            return StandardReplies.BadSenderSyntax;
        var path = rest[..end];
        rest = rest[end..].TrimStart((byte)' ');
        // RFC 6531 §3.4: SMTPUTF8 stands behind the address that it allows, so the parameters come first.
        var seen = 0;
        while (NextParameter(ref rest, out var name, out var value))
        {
            if (MailParameter.Apply(name, value, offered, ref seen, command) is { } refusal)
                return refusal;
        }
        if (!EmailAddress.TryParsePath(path, command.SmtpUtf8, out var address, out var fault))
        {
            return fault == AddressFault.NeedsSmtpUtf8
                ? StandardReplies.NeedsSmtpUtf8 : StandardReplies.BadSenderSyntax;
        }
        if (address.IsBarePostmaster)
            return StandardReplies.BadSenderSyntax;
        command.Address = address;
        return null;
    }

    private static SmtpReply? ParseRcpt(ReadOnlySpan<byte> rest, OfferedExtensions offered, bool utf8Transaction,
        SmtpCommand command)
    {
        var end = EmailAddress.PathLength(rest);
        if (end < 0 || (end < rest.Length && rest[end] != ' '))
            return StandardReplies.BadRecipientSyntax;
        if (!EmailAddress.TryParsePath(rest[..end], utf8Transaction, out var address, out var fault))
        {
            return fault == AddressFault.NeedsSmtpUtf8
                ? StandardReplies.NeedsSmtpUtf8 : StandardReplies.BadRecipientSyntax;
        }
        if (address.IsNull)
            return StandardReplies.BadRecipientSyntax;
        command.Address = address;
        rest = rest[end..].TrimStart((byte)' ');
        var seen = 0;
        while (NextParameter(ref rest, out var name, out var value))
        {
            if (RcptParameter.Apply(name, value, offered, utf8Transaction, ref seen, command) is { } refusal)
                return refusal;
        }
        return null;
    }

    /// <summary>Cuts the next "name[=value]" off; the value keeps its "=", so that an empty one can be told.</summary>
    private static bool NextParameter(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> name,
        out ReadOnlySpan<byte> value)
    {
        if (rest.IsEmpty)
        {
            name = value = default;
            return false;
        }
        var end = rest.IndexOf((byte)' ');
        var parameter = end < 0 ? rest : rest[..end];
        rest = end < 0 ? [] : rest[end..].TrimStart((byte)' ');
        var equals = parameter.IndexOf((byte)'=');
        name = equals < 0 ? parameter : parameter[..equals];
        value = equals < 0 ? [] : parameter[equals..];
        return true;
    }

    /// <summary>RFC 3030 §2: "BDAT" SP size [SP "LAST"].</summary>
    private static SmtpReply? ParseBdat(ReadOnlySpan<byte> rest, SmtpCommand command)
    {
        var end = rest.IndexOf((byte)' ');
        var size = end < 0 ? rest : rest[..end];
        if (!TryReadNumber(size, out var octets))
            return StandardReplies.BadArgument;
        command.ChunkSize = octets;
        if (end < 0)
            return null;
        command.IsLastChunk = Ascii.EqualsIgnoreCase(rest[end..].TrimStart((byte)' '), "LAST"u8);
        return command.IsLastChunk ? null : StandardReplies.BadArgument;
    }

    /// <summary>RFC 4954 §4: "AUTH" SP mechanism [SP initial-response].</summary>
    private static SmtpReply? ParseAuth(ReadOnlySpan<byte> rest, SmtpCommand command)
    {
        var end = rest.IndexOf((byte)' ');
        var mechanism = end < 0 ? rest : rest[..end];
        // RFC 4422 §3.1: 1 to 20 of letters, digits, '-' and '_'.
        if (mechanism.Length is 0 or > 20 || !IsKeyword(mechanism, allowUnderscore: true))
            return StandardReplies.BadArgument;
        command.Argument = Encoding.ASCII.GetString(mechanism).ToUpperInvariant();
        if (end < 0)
            return null;
        var response = rest[end..].TrimStart((byte)' ');
        if (response.Contains((byte)' ') || !Ascii.IsValid(response))
            return StandardReplies.BadArgument;
        command.InitialResponse = Encoding.ASCII.GetString(response);
        return null;
    }

    /// <summary>1 to 20 digits (RFC 1870 §5.2); what exceeds 2⁶³−1 is that, and too big for anyone.</summary>
    internal static bool TryReadNumber(ReadOnlySpan<byte> text, out long value)
    {
        value = 0;
        if (text.Length is 0 or > 20 || text.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
            return false;
        if (!Utf8Parser.TryParse(text, out value, out _))
            value = long.MaxValue;
        return true;
    }

    /// <summary>RFC 5321 §4.1.2 esmtp-keyword.</summary>
    internal static bool IsKeyword(ReadOnlySpan<byte> text, bool allowUnderscore = false)
    {
        if (text.IsEmpty || text[0] == '-')
            return false;
        foreach (var b in text)
        {
            if (!char.IsAsciiLetterOrDigit((char)b) && b != '-' && !(allowUnderscore && b == '_'))
                return false;
        }
        return true;
    }
}
