using CsCheck;
using Holdfast.Configuration;

namespace Holdfast.Tests.Configuration;

public class QuantityTests
{
    [Theory]
    [InlineData("90s", 90)]
    [InlineData("1h30m", 5400)]
    [InlineData("2d", 172_800)]
    [InlineData("00:05:00", 300)]
    [InlineData("0", 0)]
    [InlineData("1.5h", 5400)]
    public void Durations_are_read(string text, double seconds)
    {
        Assert.True(Quantity.TryParseDuration(text, out var duration));
        Assert.Equal(seconds, duration.TotalSeconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("5 parsecs")]
    [InlineData("-5s")]
    [InlineData("s")]
    [InlineData("99999999999999999999d")]
    [InlineData("2:3:.000000109036854")]
    [InlineData("00:00:01.00000001")]
    public void What_is_no_duration_is_refused(string text) => Assert.False(Quantity.TryParseDuration(text, out _));

    [Fact]
    public void A_duration_reads_back_from_its_description() => Gen.Long[0, TimeSpan.TicksPerDay * 4000].Sample(ticks =>
    {
        var duration = TimeSpan.FromTicks(ticks);
        return Quantity.TryParseDuration(Quantity.Describe(duration), out var back)
            && (back - duration).Duration() < TimeSpan.FromMicroseconds(200);
    });

    [Fact]
    public void A_fraction_has_seven_digits_at_most()
    {
        Assert.True(Quantity.TryParseDuration("1.00:00:01.0000001", out var duration));
        Assert.Equal(TimeSpan.FromDays(1) + TimeSpan.FromSeconds(1) + TimeSpan.FromTicks(1), duration);
    }

    [Fact]
    public void The_least_duration_can_be_described()
    {
        Assert.StartsWith("-10675199d", Quantity.Describe(TimeSpan.MinValue), StringComparison.Ordinal);
        Assert.StartsWith("10675199d", Quantity.Roughly(TimeSpan.MinValue), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("4096", 4096)]
    [InlineData("64KiB", 65_536)]
    [InlineData("1.5 MiB", 1_572_864)]
    [InlineData("2GB", 2_000_000_000)]
    public void Sizes_are_read(string text, long bytes)
    {
        Assert.True(Quantity.TryParseBytes(text, out var read));
        Assert.Equal(bytes, read);
    }

    [Fact]
    public void Arbitrary_text_never_throws() => Gen.String.Sample(text =>
    {
        _ = Quantity.TryParseDuration(text, out _);
        _ = Quantity.TryParseBytes(text, out _);
        _ = EndpointText.TryParse(text, out _, out _);
    });
}
