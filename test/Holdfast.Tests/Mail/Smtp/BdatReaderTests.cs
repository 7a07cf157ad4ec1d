using System.Buffers;
using System.Text;
using Holdfast.Mail;
using Holdfast.Mail.Smtp;

namespace Holdfast.Tests.Mail.Smtp;

public class BdatReaderTests
{
    private readonly BdatReader _reader = new();
    private readonly ArrayBufferWriter<byte> _output = new();

    [Fact]
    public void Exactly_the_announced_octets_are_taken()
    {
        _reader.Reset(BareNewlinePolicy.Reject, 100);
        Chunk("a\r\n.\r\n", last: false, behind: "BDAT 4 LAST\r\n");
        Assert.False(_reader.IsComplete);
        Chunk("..\r\n", last: true, behind: "QUIT\r\n");
        Assert.True(_reader.IsComplete);
        Assert.Equal("a\r\n.\r\n..\r\n", Encoding.ASCII.GetString(_output.WrittenSpan));
        Assert.Equal(ContentTraits.HasLeadingDot, _reader.Traits);
    }

    [Fact]
    public void A_newline_may_be_split_between_chunks()
    {
        _reader.Reset(BareNewlinePolicy.Reject, 100);
        Chunk("a\r", last: false);
        Chunk("\nb\r\n", last: true);
        Assert.Equal(ContentFault.None, _reader.Fault);
        Assert.Equal("a\r\nb\r\n", Encoding.ASCII.GetString(_output.WrittenSpan));
    }

    [Fact]
    public void A_last_chunk_without_octets_ends_the_message()
    {
        _reader.Reset(BareNewlinePolicy.Reject, 100);
        Chunk("a", last: false);
        Chunk("", last: true, behind: "QUIT\r\n");
        Assert.True(_reader.IsComplete);
        Assert.Equal(ContentTraits.LacksFinalNewline, _reader.Traits);
    }

    [Theory]
    [InlineData("a\r", "a\r\n")]
    [InlineData("a\rb\r\n", "a\r\nb\r\n")]
    [InlineData("a\nb\r\n", "a\r\nb\r\n")]
    public void Bare_newlines_are_refused_or_normalised_as_in_data(string wire, string normalised)
    {
        _reader.Reset(BareNewlinePolicy.Reject, 100);
        Chunk(wire, last: true);
        Assert.Equal("5.5.2", _reader.Refusal!.Status.ToString());
        _output.ResetWrittenCount();
        _reader.Reset(BareNewlinePolicy.Normalise, 100);
        Chunk(wire, last: true);
        Assert.Equal(normalised, Encoding.ASCII.GetString(_output.WrittenSpan));
        Assert.Equal(ContentTraits.None, _reader.Traits);
    }

    [Fact]
    public void Binary_content_keeps_every_octet()
    {
        const string Wire = "X: y\r\n\r\n\r\0\n\n\r\xFF\n";
        _reader.Reset(BareNewlinePolicy.Keep, 100);
        Chunk(Wire[..9], last: false);
        Chunk(Wire[9..], last: true);
        Assert.Equal(Wire, Encoding.Latin1.GetString(_output.WrittenSpan));
        Assert.Equal(ContentTraits.HasEightBit | ContentTraits.HasLongLine | ContentTraits.LacksFinalNewline,
            _reader.Traits);
        Assert.Equal(8, _reader.HeaderLength);
    }

    [Fact]
    public void Size_limit_holds_on_both_sides_and_the_rest_is_swallowed()
    {
        _reader.Reset(BareNewlinePolicy.Reject, 5);
        Chunk("abc", last: false);
        Chunk("\r\n", last: true);
        Assert.Equal(ContentFault.None, _reader.Fault);
        _reader.Reset(BareNewlinePolicy.Reject, 5);
        Chunk("abcd", last: false);
        Chunk("\r\n", last: false);
        Chunk("more", last: true, behind: "QUIT\r\n");
        Assert.True(_reader.IsComplete);
        Assert.Equal(552, _reader.Refusal!.Code);
    }

    [Fact]
    public void A_chunk_over_several_segments_ends_inside_one()
    {
        var first = new Segment("ab"u8.ToArray(), null);
        var second = new Segment("\r\nQUIT"u8.ToArray(), first);
        var wire = new ReadOnlySequence<byte>(first, 0, second, 6);
        _reader.Reset(BareNewlinePolicy.Reject, 100);
        _reader.BeginChunk(4, true);
        Assert.True(_reader.Read(wire, _output, out var consumed));
        Assert.Equal("QUIT", Encoding.ASCII.GetString(wire.Slice(consumed).ToArray()));
        Assert.Equal("ab\r\n", Encoding.ASCII.GetString(_output.WrittenSpan));
    }

    private void Chunk(string octets, bool last, string behind = "")
    {
        _reader.BeginChunk(octets.Length, last);
        Assert.True(_reader.Read(Encoding.Latin1.GetBytes(octets + behind), _output, out var consumed));
        Assert.Equal(octets.Length, consumed);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(byte[] octets, Segment? before)
        {
            Memory = octets;
            if (before is null)
                return;
            before.Next = this;
            RunningIndex = before.RunningIndex + before.Memory.Length;
        }
    }
}
