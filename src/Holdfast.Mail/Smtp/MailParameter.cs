using System.Text;

namespace Holdfast.Mail.Smtp;

/// <summary>The parameters of MAIL FROM.</summary>
internal static class MailParameter
{
    /// <summary>RFC 3461 §4.4, characters before and after decoding.</summary>
    private const int EnvelopeIdMax = 100;

    /// <summary>Stores one parameter in the command, or returns the reply.</summary>
    /// <param name="name">Name in any case.</param>
    /// <param name="value">With its "="; empty when there was none.</param>
    /// <param name="offered">What EHLO told this client.</param>
    /// <param name="seen">Bits of those that came before: twice is an error (RFC 5321 §4.1.1.11).</param>
    /// <param name="command">Where it goes.</param>
    public static SmtpReply? Apply(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, OfferedExtensions offered,
        ref int seen, SmtpCommand command)
    {
        if (!SmtpCommandParser.IsKeyword(name))
            return StandardReplies.BadParameter;
        // "SIZE=" is malformed (esmtp-value has at least one character), "SIZE" has no value at all.
        if (value.Length == 1)
            return StandardReplies.BadParameter;
        var content = value.IsEmpty ? value : value[1..];
        var (extension, bit) = Find(name);
        if (bit == 0 || (offered & extension) == 0)
            return StandardReplies.UnknownParameter;
        if ((seen & bit) != 0)
            return StandardReplies.RepeatedParameter;
        seen |= bit;
        switch (bit)
        {
            case SizeBit:
                if (!SmtpCommandParser.TryReadNumber(content, out var size))
                    return StandardReplies.BadParameter;
                command.Size = size;
                return null;
            case BodyBit:
                return SetBody(content, offered, command);
            case SmtpUtf8Bit:
                command.SmtpUtf8 = true;
                return value.IsEmpty ? null : StandardReplies.BadParameter; // RFC 6531 §3.4: no value
            case ReturnBit:
                command.Return = Ascii.EqualsIgnoreCase(content, "FULL"u8) ? DsnReturn.Full
                    : Ascii.EqualsIgnoreCase(content, "HDRS"u8) ? DsnReturn.Headers : DsnReturn.Unspecified;
                return command.Return == DsnReturn.Unspecified ? StandardReplies.BadParameter : null;
            case EnvelopeIdBit:
                if (content.Length > EnvelopeIdMax
                    || !XtextValue.TryDecode(content, out var id) || !XtextValue.IsPrintable(id))
                {
                    return StandardReplies.BadParameter;
                }
                command.EnvelopeId = id;
                return null;
            case AuthBit:
                return SetAuth(content, command);
            case PriorityBit:
                // RFC 6710 §4.1: −9 to 9, one digit.
                var negative = content.Length == 2 && content[0] == '-';
                if ((content.Length != 1 && !negative) || content[^1] is < (byte)'0' or > (byte)'9')
                    return StandardReplies.BadParameter;
                command.MtPriority = negative ? '0' - content[1] : content[0] - '0';
                return null;
            default:
                command.RequireTls = true;
                return value.IsEmpty ? null : StandardReplies.BadParameter; // RFC 8689 §2: no value
        }
    }

    private const int SizeBit = 1, BodyBit = 2, SmtpUtf8Bit = 4, ReturnBit = 8, EnvelopeIdBit = 16, AuthBit = 32,
        PriorityBit = 64, RequireTlsBit = 128;

    private static (OfferedExtensions Extension, int Bit) Find(ReadOnlySpan<byte> name)
    {
        if (Ascii.EqualsIgnoreCase(name, "SIZE"u8))
            return (OfferedExtensions.Size, SizeBit);
        if (Ascii.EqualsIgnoreCase(name, "BODY"u8))
            return (OfferedExtensions.EightBitMime | OfferedExtensions.BinaryMime, BodyBit);
        if (Ascii.EqualsIgnoreCase(name, "SMTPUTF8"u8))
            return (OfferedExtensions.SmtpUtf8, SmtpUtf8Bit);
        if (Ascii.EqualsIgnoreCase(name, "RET"u8))
            return (OfferedExtensions.Dsn, ReturnBit);
        if (Ascii.EqualsIgnoreCase(name, "ENVID"u8))
            return (OfferedExtensions.Dsn, EnvelopeIdBit);
        if (Ascii.EqualsIgnoreCase(name, "AUTH"u8))
            return (OfferedExtensions.Auth, AuthBit);
        if (Ascii.EqualsIgnoreCase(name, "MT-PRIORITY"u8))
            return (OfferedExtensions.MtPriority, PriorityBit);
        return Ascii.EqualsIgnoreCase(name, "REQUIRETLS"u8)
            ? (OfferedExtensions.RequireTls, RequireTlsBit) : (OfferedExtensions.None, 0);
    }

    private static SmtpReply? SetBody(ReadOnlySpan<byte> value, OfferedExtensions offered, SmtpCommand command)
    {
        if (Ascii.EqualsIgnoreCase(value, "7BIT"u8))
            return null;
        if (Ascii.EqualsIgnoreCase(value, "8BITMIME"u8))
        {
            command.Body = BodyKind.EightBitMime;
            return null;
        }
        // RFC 3030 §3.
        if (!Ascii.EqualsIgnoreCase(value, "BINARYMIME"u8) || (offered & OfferedExtensions.BinaryMime) == 0)
            return StandardReplies.BadParameter;
        command.Body = BodyKind.BinaryMime;
        return null;
    }

    /// <summary>RFC 4954 §5: a mailbox in xtext, or "&lt;&gt;".</summary>
    private static SmtpReply? SetAuth(ReadOnlySpan<byte> value, SmtpCommand command)
    {
        if (value.SequenceEqual("<>"u8))
        {
            command.AuthSender = "";
            return null;
        }
        if (!XtextValue.TryDecode(value, out var sender) || !EmailAddress.TryParse(sender, out var address))
            return StandardReplies.BadParameter;
        command.AuthSender = address.Text;
        return null;
    }
}
