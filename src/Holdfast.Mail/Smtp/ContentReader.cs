using System.Buffers;
using System.Text;

namespace Holdfast.Mail.Smtp;

/// <summary>What to do with a CR or LF that stands alone in a message.</summary>
internal enum BareNewlinePolicy : byte
{
    /// <summary>Take the message to its true end, keep none of it, answer 550 5.5.2.</summary>
    Reject = 0,
    /// <summary>Write CRLF instead.</summary>
    Normalise = 1,
    /// <summary>Write it as it came: BODY=BINARYMIME, where lines mean nothing (RFC 3030 §3).</summary>
    Keep = 2,
}

internal enum ContentFault : byte { None = 0, BareNewline, TooBig }

/// <summary>Takes a message's content off the wire as it arrives, in any pieces, and learns what later stages must
/// know, in one pass.</summary>
/// <remarks>
/// Promise: what is written holds no CR or LF outside a CRLF pair (unless <see cref="BareNewlinePolicy.Keep"/>), is
/// never longer than the limit, and doesn't depend on how the wire cut the input. After a fault the rest is read to
/// its true end and dropped; what was written before must be thrown away. Memory is constant, whatever the input.
/// Un-stuffing only looks at CRLF: a dot behind a bare newline is content, since the sender's transport didn't take it
/// for the start of a line.
/// Not thread-safe; reusable by Reset.
/// </remarks>
internal abstract class ContentReader
{
    /// <summary>RFC 5322 §2.1.1, CRLF not counted.</summary>
    public const int LineBytesMax = 998;
    private const byte Cr = (byte)'\r';
    private const byte Lf = (byte)'\n';
    private const byte Dot = (byte)'.';

    private enum State : byte
    {
        /// <summary>Behind CRLF or at the very start: the only place where a dot is the transport's.</summary>
        LineStart,
        /// <summary>Behind a bare newline.</summary>
        SoftLineStart,
        Text,
        /// <summary>A CR is held back until the next octet tells what it is.</summary>
        AfterCr,
        /// <summary>A dot at a true line start was dropped.</summary>
        AfterDot,
        AfterDotCr,
    }

    private readonly bool _stuffed;
    private BareNewlinePolicy _policy;
    private long _limit;
    private State _state;
    private bool _dropping;
    private bool _inHeader;
    private int _nameMatched;
    private long _lineLength;
    private bool _endsWithNewline;

    private protected ContentReader(bool stuffed) => _stuffed = stuffed;

    private static ReadOnlySpan<byte> TraceField => "received"u8;

    public ContentTraits Traits { get; private set; }
    public ContentFault Fault { get; private set; }
    /// <summary>Content octets after decoding; goes on counting, about, behind a fault.</summary>
    public long Length { get; private set; }
    /// <summary>Octets of the header section with its empty line; null until that was seen (also: there is none).
    /// </summary>
    public long? HeaderLength { get; private set; }
    /// <summary>Received header fields: hops so far (RFC 5321 §6.3).</summary>
    public int ReceivedCount { get; private set; }

    /// <summary>The reply that the fault asks for at the end of data, or null.</summary>
    public SmtpReply? Refusal => Fault switch
    {
        ContentFault.BareNewline => StandardReplies.BareNewline,
        ContentFault.TooBig => StandardReplies.MessageTooBig,
        _ => null,
    };

    /// <summary>Reads on to the end without writing any more: for when the draft has failed.</summary>
    public void DropRest() => _dropping = true;

    private protected void ResetContent(BareNewlinePolicy policy, long limit)
    {
        _policy = policy;
        _limit = limit;
        _state = State.LineStart;
        _dropping = false;
        _inHeader = true;
        _nameMatched = 0;
        _lineLength = 0;
        _endsWithNewline = true;
        Traits = ContentTraits.None;
        Fault = ContentFault.None;
        Length = 0;
        HeaderLength = null;
        ReceivedCount = 0;
    }

    /// <summary>Decodes a piece. True at the end of data (only when stuffed); consumed then stops behind it, otherwise
    /// the whole piece is consumed.</summary>
    private protected bool Decode(ReadOnlySpan<byte> piece, IBufferWriter<byte> output, out int consumed)
    {
        var at = 0;
        var run = 0; // start of octets that go out as they are
        while (at < piece.Length)
        {
            var octet = piece[at];
            switch (_state)
            {
                case State.LineStart:
                    _state = State.Text;
                    if (octet != Dot)
                        continue;
                    if (!_stuffed)
                    {
                        Traits |= ContentTraits.HasLeadingDot;
                        continue;
                    }
                    Write(piece[run..at], output);
                    run = ++at;
                    _state = State.AfterDot;
                    continue;

                case State.SoftLineStart:
                    if (octet == Dot)
                        Traits |= ContentTraits.HasLeadingDot;
                    _state = State.Text;
                    continue;

                case State.AfterDot:
                    // RFC 5321 §4.5.2: alone on its line it ends the data, otherwise it was stuffed.
                    if (octet == Cr)
                    {
                        run = ++at;
                        _state = State.AfterDotCr;
                        continue;
                    }
                    if (octet == Dot)
                        Traits |= ContentTraits.HasLeadingDot;
                    _state = State.Text;
                    continue;

                case State.AfterDotCr:
                    if (octet == Lf)
                    {
                        consumed = at + 1;
                        return true;
                    }
                    Bare(Cr, output);
                    run = at;
                    continue;

                case State.AfterCr:
                    if (octet == Lf)
                    {
                        Write("\r\n"u8, output);
                        EndLine(Length);
                        run = ++at;
                        _state = State.LineStart;
                        continue;
                    }
                    Bare(Cr, output);
                    run = at;
                    continue;
            }

            // Text.
            if (_inHeader && _nameMatched >= 0)
            {
                at += MatchTraceField(piece[at..]);
                if (at == piece.Length)
                    break;
            }
            var length = piece[at..].IndexOfAny(Cr, Lf);
            if (length < 0)
            {
                _lineLength += piece.Length - at;
                at = piece.Length;
                break;
            }
            _lineLength += length;
            at += length;
            if (piece[at] == Cr)
            {
                if (at + 1 == piece.Length)
                {
                    Write(piece[run..at], output);
                    run = ++at;
                    _state = State.AfterCr;
                    break;
                }
                if (piece[at + 1] == Lf)
                {
                    at += 2;
                    EndLine(Length + (at - run));
                    _state = State.LineStart;
                    continue;
                }
            }
            Write(piece[run..at], output);
            Bare(piece[at], output);
            run = ++at;
        }
        Write(piece[run..at], output);
        consumed = piece.Length;
        return false;
    }

    /// <summary>Settles what was held back when the content ends without a terminator (BDAT LAST).</summary>
    private protected void FinishContent(IBufferWriter<byte> output)
    {
        if (_state == State.AfterCr)
            Bare(Cr, output);
        if (_lineLength > LineBytesMax)
            Traits |= ContentTraits.HasLongLine;
        if (!_endsWithNewline)
            Traits |= ContentTraits.LacksFinalNewline;
    }

    private void Bare(byte octet, IBufferWriter<byte> output)
    {
        _state = State.SoftLineStart;
        switch (_policy)
        {
            case BareNewlinePolicy.Reject:
                Fail(ContentFault.BareNewline);
                Length++;
                break;
            case BareNewlinePolicy.Normalise:
                Write("\r\n"u8, output);
                break;
            default:
                Write([octet], output);
                _endsWithNewline = false;
                _state = State.Text;
                _lineLength++;
                return;
        }
        EndLine(Length);
    }

    private void EndLine(long lengthSoFar)
    {
        if (_lineLength > LineBytesMax)
            Traits |= ContentTraits.HasLongLine;
        if (_inHeader)
        {
            if (_lineLength == 0)
            {
                _inHeader = false;
                HeaderLength = lengthSoFar;
            }
            _nameMatched = 0;
        }
        _lineLength = 0;
    }

    /// <summary>Compares the line's start with "Received:" and returns how many octets it has settled. Blanks before
    /// the colon are obsolete syntax that must be read (RFC 5322 §4.5.8).</summary>
    private int MatchTraceField(ReadOnlySpan<byte> text)
    {
        var i = 0;
        for (; i < text.Length; i++)
        {
            var octet = text[i];
            if (_nameMatched < TraceField.Length && (octet | 0x20) == TraceField[_nameMatched])
            {
                _nameMatched++;
                continue;
            }
            if (_nameMatched == TraceField.Length && octet is (byte)' ' or (byte)'\t')
                continue;
            if (_nameMatched == TraceField.Length && octet == ':')
                ReceivedCount++;
            _nameMatched = -1;
            break;
        }
        _lineLength += i;
        return i;
    }

    private void Fail(ContentFault fault)
    {
        if (Fault == ContentFault.None)
            Fault = fault;
        _dropping = true;
    }

    private void Write(ReadOnlySpan<byte> run, IBufferWriter<byte> output)
    {
        if (run.IsEmpty)
            return;
        Length += run.Length;
        if (_dropping)
            return;
        // RFC 1870 §3: the size is that of the content after un-stuffing.
        if (Length > _limit)
        {
            Fail(ContentFault.TooBig);
            return;
        }
        if ((Traits & ContentTraits.HasEightBit) == 0 && !Ascii.IsValid(run))
            Traits |= ContentTraits.HasEightBit;
        if ((Traits & ContentTraits.HasLongLine) == 0 && run.Contains((byte)0))
            Traits |= ContentTraits.HasLongLine;
        // A CR of a pair is never parted from its LF here, so the last octet tells.
        _endsWithNewline = run[^1] == Lf;
        output.Write(run);
    }
}
