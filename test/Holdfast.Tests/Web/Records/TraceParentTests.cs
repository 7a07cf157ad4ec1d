using CsCheck;
using Holdfast.Web.Records;

namespace Holdfast.Tests.Web.Records;

public sealed class TraceParentTests
{
    private const string Id = "0af7651916cd43dd8448eb211c80319c";

    [Theory]
    [InlineData("00-" + Id + "-b7ad6b7169203331-01", Id)]
    [InlineData("01-" + Id + "-b7ad6b7169203331-01-more", Id)]
    [InlineData("ff-" + Id + "-b7ad6b7169203331-01", null)]
    [InlineData("00-" + Id + "-b7ad6b7169203331-01more", null)]
    [InlineData("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", null)]
    [InlineData("00-00000000000000000000000000000000-b7ad6b7169203331-01", null)]
    [InlineData("00-" + Id + "-b7ad6b7169203331-01-more", null)]
    [InlineData("0x-" + Id + "-b7ad6b7169203331-01", null)]
    [InlineData("00-" + Id + "-0000000000000000-01", null)]
    [InlineData("00-" + Id + "-b7ad6b716920333x-01", null)]
    [InlineData("00-" + Id + "-b7ad6b7169203331-0\n", null)]
    [InlineData("00-" + Id, null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    public void The_trace_is_read_or_there_is_none(string? field, string? expected) =>
        Assert.Equal(expected, TraceParent.TraceIdOf(field));

    [Fact]
    public void Any_text_gives_32_hex_digits_or_nothing() => Gen.String.Sample(text =>
        Assert.True(TraceParent.TraceIdOf(text) is null or { Length: 32 }));
}
