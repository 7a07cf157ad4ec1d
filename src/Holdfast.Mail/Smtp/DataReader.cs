using System.Buffers;

namespace Holdfast.Mail.Smtp;

/// <summary>Decodes what follows DATA's 354 (RFC 5321 §4.1.1.4, §4.5.2).</summary>
/// <remarks>Promise: data ends at CRLF "." CRLF, or "." CRLF straight away, and at nothing else: no mixture of bare CR
/// and LF, under any policy, in any pieces. Hottest loop of the product: see bench/results.</remarks>
internal sealed class DataReader() : ContentReader(stuffed: true)
{
    public void Reset(BareNewlinePolicy policy, long limit) => ResetContent(policy, limit);

    /// <summary>Takes a piece; true at the end of data, where <paramref name="consumed"/> stops right behind the
    /// terminator. Otherwise everything was consumed.</summary>
    public bool Read(ReadOnlySpan<byte> piece, IBufferWriter<byte> output, out int consumed) =>
        Decode(piece, output, out consumed);

    public bool Read(in ReadOnlySequence<byte> pieces, IBufferWriter<byte> output, out SequencePosition consumed)
    {
        var total = 0L;
        foreach (var piece in pieces)
        {
            var ended = Decode(piece.Span, output, out var count);
            total += count;
            if (ended)
            {
                consumed = pieces.GetPosition(total);
                return true;
            }
        }
        consumed = pieces.End;
        return false;
    }
}
