using Holdfast.Traffic.Health;

namespace Holdfast.Tests.Traffic.Health;

public class EndToEndCanaryTests
{
    private static void Canary(WebFixture f, bool passed)
    {
        f.Board.ReportCanary(WebFixture.Na, passed, TimeSpan.FromSeconds(1), f.Now);
        f.Serve(50, 5);
    }

    [Fact]
    public void Two_of_three_lost_leave_a_quarter_and_three_close_though_traffic_looks_well()
    {
        var f = new WebFixture();
        f.Serve(50, 10);
        Canary(f, true);
        Canary(f, false);
        Assert.Equal(1, f.Site(WebFixture.Na).Weight);
        Canary(f, false);
        Assert.Equal(0.25, f.Site(WebFixture.Na).Weight);
        Assert.InRange(f.Site(WebFixture.Eu).Share, 0.2, 0.9);
        Canary(f, false);
        Assert.Equal(VerdictState.Closed, f.StateOf(WebFixture.Na));
        Assert.Contains("canaries", f.Site(WebFixture.Na).Verdict.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_passing_canaries_open_again_what_canaries_closed()
    {
        var f = new WebFixture();
        f.Serve(50, 10);
        for (var i = 0; i < 10; i++)
            Canary(f, false);
        Assert.Equal(VerdictState.Closed, f.StateOf(WebFixture.Na));
        Canary(f, true);
        Assert.Equal(VerdictState.Closed, f.StateOf(WebFixture.Na));
        Canary(f, true);
        Assert.Equal(VerdictState.Recovering, f.StateOf(WebFixture.Na));
    }
}
