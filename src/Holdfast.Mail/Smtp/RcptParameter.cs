using System.Text;

namespace Holdfast.Mail.Smtp;

/// <summary>The parameters of RCPT TO: RFC 3461's NOTIFY and ORCPT.</summary>
internal static class RcptParameter
{
    /// <summary>RFC 3461 §4.2.</summary>
    private const int OriginalRecipientMax = 500;
    private const int NotifyBit = 1, OriginalBit = 2;

    /// <summary>Stores one parameter in the command, or returns the reply.</summary>
    public static SmtpReply? Apply(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, OfferedExtensions offered,
        bool utf8Transaction, ref int seen, SmtpCommand command)
    {
        if (!SmtpCommandParser.IsKeyword(name) || value.Length == 1)
            return StandardReplies.BadParameter;
        var bit = Ascii.EqualsIgnoreCase(name, "NOTIFY"u8) ? NotifyBit
            : Ascii.EqualsIgnoreCase(name, "ORCPT"u8) ? OriginalBit : 0;
        if (bit == 0 || (offered & OfferedExtensions.Dsn) == 0)
            return StandardReplies.UnknownParameter;
        if ((seen & bit) != 0)
            return StandardReplies.RepeatedParameter;
        seen |= bit;
        var content = value.IsEmpty ? value : value[1..];
        return bit == NotifyBit ? SetNotify(content, command) : SetOriginal(content, utf8Transaction, command);
    }

    /// <summary>RFC 3461 §4.1: NEVER alone, or a list of the others.</summary>
    private static SmtpReply? SetNotify(ReadOnlySpan<byte> value, SmtpCommand command)
    {
        var all = DsnNotify.Default;
        while (true)
        {
            var comma = value.IndexOf((byte)',');
            var word = comma < 0 ? value : value[..comma];
            var flag = Ascii.EqualsIgnoreCase(word, "NEVER"u8) ? DsnNotify.Never
                : Ascii.EqualsIgnoreCase(word, "SUCCESS"u8) ? DsnNotify.Success
                : Ascii.EqualsIgnoreCase(word, "FAILURE"u8) ? DsnNotify.Failure
                : Ascii.EqualsIgnoreCase(word, "DELAY"u8) ? DsnNotify.Delay : DsnNotify.Default;
            if (flag == DsnNotify.Default || (all & flag) != 0)
                return StandardReplies.BadParameter;
            all |= flag;
            if (comma < 0)
                break;
            value = value[(comma + 1)..];
        }
        if ((all & DsnNotify.Never) != 0 && all != DsnNotify.Never)
            return StandardReplies.BadParameter;
        command.Notify = all;
        return null;
    }

    /// <summary>RFC 3461 §4.2: "type;xtext". RFC 6533 §3: type "utf-8" may also hold UTF-8 and \x{…} forms, which are
    /// kept as they came.</summary>
    private static SmtpReply? SetOriginal(ReadOnlySpan<byte> value, bool utf8Transaction, SmtpCommand command)
    {
        var semicolon = value.IndexOf((byte)';');
        if (value.Length > OriginalRecipientMax || semicolon <= 0 || semicolon == value.Length - 1
            || !SmtpCommandParser.IsKeyword(value[..semicolon]))
        {
            return StandardReplies.BadParameter;
        }
        var type = value[..semicolon];
        var isUtf8 = Ascii.EqualsIgnoreCase(type, "utf-8"u8);
        if (!isUtf8 && !Ascii.IsValid(value))
            return StandardReplies.BadParameter;
        if (!Ascii.IsValid(value) && !utf8Transaction)
            return StandardReplies.NeedsSmtpUtf8;
        if (!XtextValue.TryDecode(value[(semicolon + 1)..], out var address) || !XtextValue.IsPrintable(address))
            return StandardReplies.BadParameter;
        command.OriginalRecipient = string.Concat(Encoding.ASCII.GetString(type), ";", address);
        return null;
    }
}
