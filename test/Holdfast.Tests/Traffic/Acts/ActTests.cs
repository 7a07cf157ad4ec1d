using Holdfast.Traffic.Acts;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Tests.Traffic.Acts;

public class ActTests
{
    private static OperatorAct Act(ActKind kind, string name, ActScope scope = ActScope.Site, double weight = 1,
        double seconds = 60) => new(kind, scope, name, weight, TimeSpan.FromSeconds(seconds), "ops", "test");

    [Fact]
    public void A_drain_is_predicted_in_numbers_and_in_a_sentence()
    {
        var f = new WebFixture(capacity: 1000, euCapacity: 300);
        f.Serve(400, 15);
        var told = f.Board.Predict(Act(ActKind.Drain, "web-na"), f.Now);
        Assert.True(told.IsAllowed);
        Assert.InRange(told.MovedPerSecond, 390, 410);
        Assert.InRange(told.UnplacedPerSecond, 90, 110);
        Assert.Contains("/s to web-eu", told.Sentence, StringComparison.Ordinal);
        Assert.Contains("would be shed", told.Sentence, StringComparison.Ordinal);
        Assert.Equal(WebFixture.Na, f.Place().Site);
    }

    [Fact]
    public void A_drained_site_hands_over_while_others_step_up_and_gets_nothing_after_that()
    {
        var f = new WebFixture(capacity: 1000);
        f.Serve(300, 10);
        Assert.True(f.Board.Apply(Act(ActKind.Drain, "web-na", seconds: 600), f.Now).IsApplied);
        var refused = 0;
        for (var i = 0; i < 300 * 40; i++)
        {
            var p = f.Place();
            if (!p.MaySend)
                refused++;
            else
                f.Answer(p);
            if (i > 300 * 31)
                Assert.Equal(WebFixture.Eu, p.Site);
            f.Advance(1 / 300.0);
        }
        Assert.InRange(refused, 0, 30);
        Assert.Single(f.Board.Snapshot(f.Now).Acts);
        Assert.True(f.Board.Apply(Act(ActKind.Undrain, "web-na"), f.Now).IsApplied);
        Assert.Equal(WebFixture.Na, f.Place().Site);
    }

    [Fact]
    public void An_act_ends_when_its_time_is_up()
    {
        var f = new WebFixture();
        f.Board.Apply(Act(ActKind.Pin, "web-eu", seconds: 5), f.Now);
        Assert.Equal(WebFixture.Eu, f.Place().Site);
        f.Advance(4.8);
        Assert.Single(f.Board.Snapshot(f.Now).Acts);
        f.Advance(0.4);
        Assert.Empty(f.Board.Snapshot(f.Now).Acts);
        Assert.Equal(WebFixture.Na, f.Place().Site);
    }

    [Fact]
    public void Acts_survive_a_reload_of_the_topology()
    {
        var f = new WebFixture();
        f.Board.Apply(Act(ActKind.Pin, "eu", ActScope.Region), f.Now);
        f.Board.Reload(Topology.FromOptions(WebFixture.Topo(500, 3), f.Board.Topology), f.Now);
        Assert.Equal(WebFixture.Eu, f.Place().Site);
    }

    [Fact]
    public void A_weight_leaves_a_site_its_part()
    {
        var f = new WebFixture();
        f.Serve(100, 5);
        f.Board.Apply(Act(ActKind.Weight, "web-na", weight: 0.25), f.Now);
        f.Serve(100, 30);
        Assert.InRange(f.Site(WebFixture.Na).Share, 0.2, 0.3);
    }

    [Fact]
    public void A_drained_target_gets_nothing_and_its_siblings_do()
    {
        var f = new WebFixture(targets: 3);
        Assert.True(f.Board.Apply(Act(ActKind.Drain, "web-na/a:2", ActScope.Target), f.Now).IsApplied);
        for (var i = 0; i < 300; i++)
        {
            var p = f.Place();
            Assert.Equal(WebFixture.Na, p.Site);
            Assert.NotEqual(1, p.Target.Value);
            f.Answer(p);
            f.Advance(0.01);
        }
    }

    [Fact]
    public void A_frozen_site_is_not_judged()
    {
        var f = new WebFixture();
        f.Serve(100, 5);
        f.Board.Apply(Act(ActKind.Freeze, "web-na", seconds: 600), f.Now);
        f.Serve(100, 20, p => p.Site == WebFixture.Na);
        Assert.Equal(VerdictState.Healthy, f.StateOf(WebFixture.Na));
        f.Board.Apply(Act(ActKind.Unfreeze, "web-na"), f.Now);
        f.Serve(100, 5, p => p.Site == WebFixture.Na);
        Assert.Equal(VerdictState.Closed, f.StateOf(WebFixture.Na));
    }

    [Fact]
    public void When_everything_is_drained_that_is_the_reason_to_wait()
    {
        var f = new WebFixture();
        f.Board.Apply(Act(ActKind.Drain, "web-na", seconds: 600), f.Now);
        f.Board.Apply(Act(ActKind.Drain, "web-eu", seconds: 600), f.Now);
        f.Advance(31);
        Assert.Equal(WaitReason.Drained, f.Place().Wait);
    }

    [Theory]
    [InlineData("", 1.0, 60, "no name")]
    [InlineData("web-mars", 1.0, 60, "there is no Site 'web-mars'")]
    [InlineData("web-na", 1.5, 60, "from 0 to 1")]
    [InlineData("web-na", double.NaN, 60, "from 0 to 1")]
    [InlineData("web-na", 0.5, 0, "1 second to 30 days")]
    [InlineData("web-na", 0.5, 2_592_001, "1 second to 30 days")]
    public void A_refused_act_says_why(string name, double weight, double seconds, string why)
    {
        var f = new WebFixture();
        var act = Act(ActKind.Weight, name, weight: weight, seconds: seconds);
        var outcome = f.Board.Apply(act, f.Now);
        Assert.False(outcome.IsApplied);
        Assert.Contains(why, outcome.Sentence, StringComparison.Ordinal);
        Assert.False(f.Board.Predict(act, f.Now).IsAllowed);
    }

    [Fact]
    public void An_act_that_is_not_in_force_cannot_be_ended()
    {
        var f = new WebFixture();
        Assert.False(f.Board.Apply(Act(ActKind.Undrain, "web-na"), f.Now).IsApplied);
    }
}
