using CsCheck;
using Holdfast.SystemTests.Harness;

namespace Holdfast.Tests.Bench;

public class WebFaultsTests
{
    [Fact]
    public void An_empty_line_is_a_healthy_target() => Assert.Equal(WebFaults.None, WebFaults.Parse("  "));

    [Fact]
    public void Words_may_be_joined() => Assert.Equal(
        new WebFaults(ErrorShare: 0.3, ErrorStatus: 500, Slowdown: 10, Capacity: 0.5, BlackHole: true, Spares: "/health"),
        WebFaults.Parse("errors=0.3 status=500  slow=10 capacity=0.5 hole spares=/health"));

    [Theory]
    [InlineData("errors=1.01")]
    [InlineData("errors=-0.01")]
    [InlineData("errors=")]
    [InlineData("errors")]
    [InlineData("errors=NaN")]
    [InlineData("status=399")]
    [InlineData("status=600")]
    [InlineData("slow=0")]
    [InlineData("capacity=1.1")]
    [InlineData("hole=1")]
    [InlineData("spares=health")]
    [InlineData("=1")]
    [InlineData("down")]
    public void Anything_else_is_refused(string line) => Assert.Throws<FormatException>(() => WebFaults.Parse(line));

    [Fact]
    public void No_line_does_more_than_be_refused() => Gen.String.Sample(line =>
    {
        try
        {
            _ = WebFaults.Parse(line);
        }
        catch (FormatException)
        {
            // Said so.
        }
    });

    [Fact]
    public void An_act_done_again_is_counted_wherever_it_was_done()
    {
        var ledger = new WebLedger();
        ledger.Done("a");
        ledger.Done("b");
        Assert.Equal(0, ledger.Repeated);
        ledger.Done("a");
        ledger.Done("a");
        Assert.Equal(2, ledger.Repeated);
        Assert.Equal(3, ledger.Times("a"));
        Assert.Equal(0, ledger.Times("c"));
    }
}
