using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Holdfast.Mail.Smtp;

/// <summary>What MAIL says of a message beside its sender.</summary>
internal readonly record struct MailTerms(
    long SizeBytes, bool NeedsEightBit, bool SmtpUtf8, DsnReturn Return, string? EnvelopeId);

/// <summary>Gathers what a client sends next: commands, and content with its dots doubled.</summary>
/// <remarks>
/// Promise: text holds no control characters, so that no address can inject a command; a parameter is written only
/// where the server offers its extension, and whole or not at all.
/// Its array comes from the pool, grows as needed, and is given back when it has grown beyond <c>keepMax</c>.
/// </remarks>
internal sealed class SmtpCommandWriter(int startBytes, int keepMax) : IDisposable
{
    /// <summary>RFC 3461 §4.4.</summary>
    private const int EnvelopeIdMax = 100;
    /// <summary>RFC 3461 §4.2, the address's type included.</summary>
    private const int OriginalRecipientMax = 500;

    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(startBytes);

    public int Length { get; private set; }
    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, Length);

    public void Clear()
    {
        Length = 0;
        if (_bytes.Length <= keepMax)
            return;
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = ArrayPool<byte>.Shared.Rent(startBytes);
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
        Length = 0;
    }

    /// <summary>A command with its argument, if any.</summary>
    public void Command(ReadOnlySpan<byte> verb, ReadOnlySpan<char> argument = default)
    {
        Append(verb);
        if (argument.Length > 0)
        {
            Append(" "u8);
            Append(argument);
        }
        Append("\r\n"u8);
    }

    public void Mail(string sender, in MailTerms terms, ServerOffers offers)
    {
        Append("MAIL FROM:<"u8);
        Append(sender);
        Append(">"u8);
        if (offers.Size)
        {
            Append(" SIZE="u8);
            Append(terms.SizeBytes);
        }
        // RFC 6152: declared only where it is needed, so that a plain message passes anywhere.
        if (offers.EightBitMime && terms.NeedsEightBit)
            Append(" BODY=8BITMIME"u8);
        if (offers.SmtpUtf8 && terms.SmtpUtf8)
            Append(" SMTPUTF8"u8);
        if (offers.Dsn)
        {
            if (terms.Return != DsnReturn.Unspecified)
                Append(terms.Return == DsnReturn.Full ? " RET=FULL"u8 : " RET=HDRS"u8);
            if (terms.EnvelopeId is { Length: > 0 } id)
                AppendXtext(" ENVID="u8, "", id, EnvelopeIdMax);
        }
        Append("\r\n"u8);
    }

    /// <param name="original">ORCPT's value, "type;address" or an address alone; null: none.</param>
    public void Rcpt(string address, DsnNotify notify, string? original, ServerOffers offers)
    {
        Append("RCPT TO:<"u8);
        Append(address);
        Append(">"u8);
        if (offers.Dsn)
        {
            if (notify != DsnNotify.Default)
            {
                Append(" NOTIFY="u8);
                Append(NotifyText(notify));
            }
            if (original is { Length: > 0 })
            {
                var start = original.IndexOf(';', StringComparison.Ordinal) + 1;
                AppendXtext(" ORCPT="u8, start == 0 ? "rfc822;" : original.AsSpan(0, start), original.AsSpan(start),
                    OriginalRecipientMax);
            }
        }
        Append("\r\n"u8);
    }

    /// <summary>Adds a piece of content; with room left for its end, so that both go in one write.</summary>
    public void Content(ref DotStuffing stuffing, ReadOnlySpan<byte> piece)
    {
        Reserve(DotStuffing.RoomFor(piece.Length) + DotStuffing.EndRoom);
        Length += stuffing.Write(piece, _bytes.AsSpan(Length));
    }

    /// <summary>Adds the final dot.</summary>
    public void EndContent(in DotStuffing stuffing)
    {
        Reserve(DotStuffing.EndRoom);
        Length += stuffing.End(_bytes.AsSpan(Length));
    }

    /// <summary>Makes room at once for what will be added in pieces.</summary>
    public void Reserve(int bytes)
    {
        if (_bytes.Length - Length >= bytes)
            return;
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_bytes.Length * 2, Length + bytes));
        _bytes.AsSpan(0, Length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = larger;
    }

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

    private void Append(ReadOnlySpan<byte> bytes)
    {
        Reserve(bytes.Length);
        bytes.CopyTo(_bytes.AsSpan(Length));
        Length += bytes.Length;
    }

    /// <summary>A control character can't stand in an accepted address; if one did it would inject a command, so it is
    /// our mistake and stops here.</summary>
    private void Append(ReadOnlySpan<char> text)
    {
        Invariant.Require(text.IndexOfAnyInRange('\0', '\x1f') < 0 && !text.Contains('\x7f'),
            "no control characters in an SMTP command");
        Reserve(Encoding.UTF8.GetMaxByteCount(text.Length));
        Length += Encoding.UTF8.GetBytes(text, _bytes.AsSpan(Length));
    }

    private void Append(long number)
    {
        Reserve(20);
        Utf8Formatter.TryFormat(number, _bytes.AsSpan(Length), out var written);
        Length += written;
    }
}
