using System.Buffers;
using System.Text;
using Holdfast.Mail;
using Holdfast.Mail.Smtp;

namespace Holdfast.Tests.Mail.Smtp;

public class DataReaderTests
{
    [Theory]
    [InlineData(".\r\n", "")]
    [InlineData("a\r\n.\r\n", "a\r\n")]
    [InlineData("a\r\n..\r\n.b\r\n.\r\n", "a\r\n.\r\nb\r\n")]
    [InlineData("\r\n\r\n.\r\n", "\r\n\r\n")]
    public void Dots_are_unstuffed_and_the_end_is_found(string wire, string content)
    {
        var (text, reader) = Decode(wire + "QUIT\r\n", BareNewlinePolicy.Reject, out var consumed);
        Assert.Equal(wire.Length, consumed);
        Assert.Equal(content, text);
        Assert.Equal(ContentFault.None, reader.Fault);
        Assert.Equal(content.Length, reader.Length);
    }

    [Theory]
    [InlineData("a\n.\nb\r\n.\r\n", "a\r\n.\r\nb\r\n")]
    [InlineData("a\r\n.\nb\r\n.\r\n", "a\r\n\r\nb\r\n")]
    [InlineData("a\n.\r\nb\r\n.\r\n", "a\r\n.\r\nb\r\n")]
    [InlineData("a\r\n.\rb\r\n.\r\n", "a\r\n\r\nb\r\n")]
    [InlineData("a\r.\r\nb\r\n.\r\n", "a\r\n.\r\nb\r\n")]
    [InlineData("a\r\r\n.\r\n", "a\r\n\r\n")]
    public void Mixtures_of_bare_newlines_never_end_data(string wire, string normalised)
    {
        var (text, reader) = Decode(wire, BareNewlinePolicy.Normalise, out var consumed);
        Assert.Equal(wire.Length, consumed);
        Assert.Equal(normalised, text);
        Assert.Equal(ContentFault.None, reader.Fault);
        (_, reader) = Decode(wire, BareNewlinePolicy.Reject, out consumed);
        Assert.Equal(wire.Length, consumed);
        Assert.Equal(ContentFault.BareNewline, reader.Fault);
    }

    [Fact]
    public void Received_fields_are_counted_in_the_header_only()
    {
        var (_, reader) = Decode("Received: a\r\nreceived : b\r\n Received: folded\r\nX-Received: c\r\nReceivedx: d\r\n"
            + "RECEIVED:\r\n\r\nReceived: body\r\n.\r\n", BareNewlinePolicy.Reject, out _);
        Assert.Equal(3, reader.ReceivedCount);
        Assert.Equal(reader.Length - "Received: body\r\n".Length, reader.HeaderLength);
    }

    [Fact]
    public void Size_limit_holds_on_both_sides()
    {
        var (text, reader) = Decode("..abc\r\n.\r\n", BareNewlinePolicy.Reject, out _, limit: 6);
        Assert.Equal(".abc\r\n", text);
        Assert.Equal(ContentFault.None, reader.Fault);
        Assert.True(reader.Traits.HasFlag(ContentTraits.HasLeadingDot));
        (_, reader) = Decode("..abcd\r\n.\r\n", BareNewlinePolicy.Reject, out var consumed, limit: 6);
        Assert.Equal(11, consumed);
        Assert.Equal(ContentFault.TooBig, reader.Fault);
        Assert.Equal(552, reader.Refusal!.Code);
    }

    private static (string Text, DataReader Reader) Decode(string wire, BareNewlinePolicy policy, out int consumed,
        long limit = long.MaxValue)
    {
        var reader = new DataReader();
        reader.Reset(policy, limit);
        var output = new ArrayBufferWriter<byte>();
        Assert.True(reader.Read(Encoding.Latin1.GetBytes(wire), output, out consumed));
        return (Encoding.Latin1.GetString(output.WrittenSpan), reader);
    }
}
