using System.Buffers;

namespace Holdfast.Mail.Smtp;

/// <summary>Takes the chunks of BDAT (RFC 3030 §2).</summary>
/// <remarks>Promise: exactly the announced number of octets is consumed, whatever they hold. A CRLF may be split
/// between chunks; a CR at the very end is bare.</remarks>
internal sealed class BdatReader() : ContentReader(stuffed: false)
{
    private bool _last;

    /// <summary>Octets of the current chunk still to come.</summary>
    public long Remaining { get; private set; }
    /// <summary>The last chunk has come whole.</summary>
    public bool IsComplete { get; private set; }

    public void Reset(BareNewlinePolicy policy, long limit)
    {
        ResetContent(policy, limit);
        Remaining = 0;
        _last = IsComplete = false;
    }

    /// <summary>Starts a chunk; one of no octets is read by an empty piece.</summary>
    public void BeginChunk(long octets, bool isLast)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(octets);
        Remaining = octets;
        _last = isLast;
    }

    /// <summary>Takes a piece; true when the chunk has come whole.</summary>
    public bool Read(ReadOnlySpan<byte> piece, IBufferWriter<byte> output, out int consumed)
    {
        if (piece.Length > Remaining)
            piece = piece[..(int)Remaining];
        Decode(piece, output, out consumed);
        Remaining -= consumed;
        if (Remaining > 0)
            return false;
        if (_last && !IsComplete)
        {
            FinishContent(output);
            IsComplete = true;
        }
        return true;
    }

    public bool Read(in ReadOnlySequence<byte> pieces, IBufferWriter<byte> output, out SequencePosition consumed)
    {
        var total = 0L;
        foreach (var piece in pieces)
        {
            var whole = Read(piece.Span, output, out var count);
            total += count;
            if (whole)
            {
                consumed = pieces.GetPosition(total);
                return true;
            }
        }
        consumed = pieces.GetPosition(total);
        return Remaining == 0 && Read([], output, out _);
    }
}
