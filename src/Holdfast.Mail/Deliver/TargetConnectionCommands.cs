using System.Buffers;
using System.Buffers.Text;
using System.Text;
using Holdfast.Mail.Smtp;
using Holdfast.Mail.Spool;

namespace Holdfast.Mail.Deliver;

/// <summary>Writes commands into the output buffer.</summary>
internal sealed partial class TargetConnection
{
    /// <summary>RFC 3461 §4.4.</summary>
    private const int EnvelopeIdMax = 100;
    /// <summary>RFC 3461 §4.2, the address's type included.</summary>
    private const int OriginalRecipientMax = 500;

    private void AppendMail(Envelope envelope)
    {
        Append("MAIL FROM:<"u8);
        Append(envelope.Sender);
        Append(">"u8);
        if (Capabilities.Size)
        {
            Append(" SIZE="u8);
            Append(envelope.SizeBytes);
        }
        // RFC 6152: declared only where it is needed, so that a plain message passes anywhere.
        if (Capabilities.EightBitMime && NeedsEightBit(envelope))
            Append(" BODY=8BITMIME"u8);
        if (Capabilities.SmtpUtf8 && envelope.SmtpUtf8)
            Append(" SMTPUTF8"u8);
        if (Capabilities.Dsn)
        {
            if (envelope.Return != DsnReturn.Unspecified)
                Append(envelope.Return == DsnReturn.Full ? " RET=FULL"u8 : " RET=HDRS"u8);
            if (envelope.EnvelopeId is { Length: > 0 } id)
                AppendXtext(" ENVID="u8, "", id, EnvelopeIdMax);
        }
        Append("\r\n"u8);
    }

    private void AppendRcpt(EnvelopeRecipient recipient)
    {
        Append("RCPT TO:<"u8);
        Append(recipient.Address);
        Append(">"u8);
        if (Capabilities.Dsn)
        {
            if (recipient.Notify != DsnNotify.Default)
            {
                Append(" NOTIFY="u8);
                Append(NotifyText(recipient.Notify));
            }
            if (recipient.OriginalRecipient is { Length: > 0 } original)
            {
                var address = original.IndexOf(';', StringComparison.Ordinal) + 1;
                AppendXtext(" ORCPT="u8, address == 0 ? "rfc822;" : original.AsSpan(0, address),
                    original.AsSpan(address), OriginalRecipientMax);
            }
        }
        Append("\r\n"u8);
    }

    internal static bool NeedsEightBit(Envelope envelope) =>
        envelope.Body != BodyKind.SevenBit || (envelope.Traits & ContentTraits.HasEightBit) != 0;

    private static string NotifyText(DsnNotify notify)
    {
        if ((notify & DsnNotify.Never) != 0)
            return "NEVER";
        var words = new List<string>(3);
        if ((notify & DsnNotify.Success) != 0)
            words.Add("SUCCESS");
        if ((notify & DsnNotify.Failure) != 0)
            words.Add("FAILURE");
        if ((notify & DsnNotify.Delay) != 0)
            words.Add("DELAY");
        return string.Join(',', words);
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        Reserve(bytes.Length);
        bytes.CopyTo(_out.AsSpan(_outLength));
        _outLength += bytes.Length;
    }

    /// <summary>Text for a command. A control character can't stand in an accepted address; if one did it would inject
    /// a command, so it is our mistake and stops here.</summary>
    private void Append(ReadOnlySpan<char> text)
    {
        Invariant.Require(text.IndexOfAnyInRange('\0', '\x1f') < 0 && !text.Contains('\x7f'),
            "no control characters in an SMTP command");
        Reserve(Encoding.UTF8.GetMaxByteCount(text.Length));
        _outLength += Encoding.UTF8.GetBytes(text, _out.AsSpan(_outLength));
    }

    private void Append(long number)
    {
        Reserve(20);
        Utf8Formatter.TryFormat(number, _out.AsSpan(_outLength), out var written);
        _outLength += written;
    }

    /// <summary>Adds a parameter whose value stands as a whole or not at all: cut short it would speak of somebody
    /// else.</summary>
    /// <param name="prefix">Stands before the text as it is.</param>
    private void AppendXtext(ReadOnlySpan<byte> name, ReadOnlySpan<char> prefix, ReadOnlySpan<char> text, int valueMax)
    {
        Span<byte> value = stackalloc byte[valueMax];
        if (prefix.Length > valueMax)
            return;
        var length = XtextValue.Encode(text, value[prefix.Length..]);
        if (length < 0)
            return;
        Append(name);
        Append(prefix);
        Append(value.Slice(prefix.Length, length));
    }

    private void Reserve(int bytes)
    {
        if (_out.Length - _outLength >= bytes)
            return;
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_out.Length * 2, _outLength + bytes));
        _out.AsSpan(0, _outLength).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_out);
        _out = larger;
    }
}
