using Holdfast.Traffic;
using Holdfast.Traffic.Acts;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Tests.Traffic.Acts;

public class OperatorActTests
{
    private static ActOutcome Do(BoardFixture f, ActKind kind, string name = "mail-na",
        ActScope scope = ActScope.Site, double weight = 1, double seconds = 3600) =>
        f.Board.Apply(new OperatorAct(kind, scope, name, weight, TimeSpan.FromSeconds(seconds), "uid 1000", "why"), f.Now);

    /// <summary>Places mail at a rate for a time; how many went where.</summary>
    private static (int Na, int Eu, int Waited) Run(BoardFixture f, int perSecond, double seconds, bool canWait = true)
    {
        int na = 0, eu = 0, waited = 0;
        for (var i = 0; i < perSecond * seconds; i++)
        {
            var placement = f.Board.Place(new PlacementRequest(f.Service, OperationClass.MailDelivery, 3, false,
                TargetId.None, CanWait: canWait), f.Now);
            if (!placement.MaySend)
            {
                waited++;
            }
            else
            {
                if (placement.Site == BoardFixture.Na)
                    na++;
                else
                    eu++;
                f.Deliver(placement);
            }
            f.Advance(1.0 / perSecond);
        }
        return (na, eu, waited);
    }

    [Theory]
    [InlineData(ActScope.Site, "mail-na")]
    [InlineData(ActScope.Site, "MAIL-NA")]
    [InlineData(ActScope.Region, "na")]
    [InlineData(ActScope.Target, "mail-na/127.0.0.1:2601")]
    public void Mail_goes_to_a_drained_home_no_more_from_the_first_message_on(ActScope scope, string name)
    {
        var f = new BoardFixture();
        Assert.True(Run(f, 100, 5).Na > 0);
        Assert.True(Do(f, ActKind.Drain, name, scope).IsApplied);
        var (na, eu, _) = Run(f, 100, 10);
        Assert.Equal(0, na);
        Assert.True(eu > 900, $"{eu} of 1000 went to eu");
        Assert.True(Do(f, ActKind.Undrain, name, scope).IsApplied);
        Assert.True(Run(f, 100, 5).Na > 400);
    }

    [Fact]
    public void A_burst_after_a_drain_waits_rather_than_going_to_the_drained_site()
    {
        var f = new BoardFixture();
        Do(f, ActKind.Drain);
        for (var i = 0; i < 500; i++)
        {
            var placement = f.Place();
            Assert.False(placement.MaySend && placement.Site == BoardFixture.Na);
        }
    }

    [Fact]
    public void What_has_a_deadline_may_use_a_drained_site_while_others_take_over_and_no_longer()
    {
        var f = new BoardFixture();
        Run(f, 1000, 5);
        Do(f, ActKind.Drain);
        var (na, _, waited) = Run(f, 1000, 5, canWait: false);
        Assert.True(na > 0);
        Assert.Equal(0, waited);
        f.Advance(30);
        Assert.Equal(0, Run(f, 100, 2, canWait: false).Na);
    }

    [Fact]
    public void An_act_ends_when_its_time_is_over()
    {
        var f = new BoardFixture();
        Do(f, ActKind.Drain, seconds: 10);
        Assert.Equal(0, Run(f, 100, 9.5).Na);
        f.Advance(1);
        Assert.True(Run(f, 100, 5).Na > 400);
        Assert.Empty(f.Board.Snapshot(f.Now).Acts);
    }

    [Fact]
    public void With_every_site_drained_mail_waits_and_says_why()
    {
        var f = new BoardFixture();
        Do(f, ActKind.Drain);
        Do(f, ActKind.Drain, "mail-eu");
        var placement = f.Place();
        Assert.False(placement.MaySend);
        Assert.Equal(WaitReason.Drained, placement.Wait);
        // Drained isn't closed: retry clocks run on.
        Assert.False(f.Board.IsClosed(f.Service));
    }

    [Fact]
    public void A_pinned_site_gets_all_and_nothing_goes_elsewhere_even_when_it_is_full()
    {
        var f = new BoardFixture(capacity: 50);
        Assert.True(Do(f, ActKind.Pin, "mail-eu").IsApplied);
        var (na, eu, waited) = Run(f, 100, 10);
        Assert.Equal(0, na);
        Assert.True(eu > 0 && waited > 0, $"eu {eu}, waited {waited}");
        Assert.True(Do(f, ActKind.Unpin, "mail-eu").IsApplied);
        Assert.True(Run(f, 20, 5).Na > 90);
    }

    [Fact]
    public void Half_the_weight_is_half_the_traffic_and_one_ends_it()
    {
        var f = new BoardFixture();
        Assert.True(Do(f, ActKind.Weight, weight: 0.5).IsApplied);
        Run(f, 200, 10);
        var (na, eu, waited) = Run(f, 200, 20);
        Assert.Equal(0, waited);
        Assert.InRange((double)na / (na + eu), 0.4, 0.6);
        Assert.True(Do(f, ActKind.Weight, weight: 1).IsApplied);
        Run(f, 200, 5);
        Assert.Equal(0, Run(f, 200, 5).Eu);
    }

    [Fact]
    public void A_weight_of_zero_is_nothing()
    {
        var f = new BoardFixture();
        Do(f, ActKind.Weight, weight: 0);
        Assert.Equal(0, Run(f, 100, 5).Na);
    }

    [Fact]
    public void A_frozen_verdict_stays_whatever_is_seen_until_the_freeze_ends()
    {
        var f = new BoardFixture();
        Do(f, ActKind.Freeze);
        for (var i = 0u; i < 100; i++)
        {
            var placement = f.Place();
            if (placement.MaySend)
                f.Fail(placement, FailureScope.Site, recipient: i + 1, sender: i + 1);
            f.Advance(0.1);
        }
        Assert.Equal(VerdictState.Healthy, f.StateOf(BoardFixture.Na));
        Assert.True(Do(f, ActKind.Unfreeze).IsApplied);
        f.CloseHome();
    }

    [Fact]
    public void A_prediction_says_what_moves_where_and_what_nobody_can_take()
    {
        var f = new BoardFixture(capacity: 100);
        Run(f, 70, 15);
        Do(f, ActKind.Weight, "mail-eu", weight: 0.5);
        var told = f.Board.Predict(new OperatorAct(ActKind.Drain, ActScope.Site, "mail-na"), f.Now);
        Assert.True(told.IsAllowed);
        Assert.InRange(told.MovedPerSecond, 60, 80);
        // 70 a second into half of eu's 100.
        Assert.InRange(told.UnplacedPerSecond, 12, 28);
        Assert.Contains("mail-eu", told.Sentence, StringComparison.Ordinal);
        Assert.Contains("would wait", told.Sentence, StringComparison.Ordinal);
        var na = Assert.Single(told.Shifts, s => s.Site == "mail-na");
        Assert.Equal(0, na.After);
        Assert.InRange(na.Before, 60, 80);
        // Only told: nothing moved.
        Assert.True(Run(f, 70, 2).Na > 120);
    }

    [Theory]
    [InlineData(ActKind.Drain, ActScope.Site, "mail-nowhere")]
    [InlineData(ActKind.Drain, ActScope.Region, "mail-na")]
    [InlineData(ActKind.Drain, ActScope.Target, "mail-na")]
    [InlineData(ActKind.Drain, ActScope.Target, "mail-na/127.0.0.1:260")]
    [InlineData(ActKind.Drain, ActScope.Site, "")]
    [InlineData(ActKind.Undrain, ActScope.Site, "mail-na")]
    [InlineData(ActKind.Unpin, ActScope.Site, "mail-na")]
    [InlineData(ActKind.Unfreeze, ActScope.Site, "mail-na")]
    [InlineData((ActKind)99, ActScope.Site, "mail-na")]
    public void What_makes_no_sense_is_refused_with_a_reason_and_changes_nothing(ActKind kind, ActScope scope, string name)
    {
        var f = new BoardFixture();
        var outcome = Do(f, kind, name, scope);
        Assert.False(outcome.IsApplied);
        Assert.StartsWith("Refused: ", outcome.Sentence, StringComparison.Ordinal);
        Assert.Empty(f.Board.Snapshot(f.Now).Acts);
    }

    [Fact]
    public void An_act_goes_by_name_and_survives_a_reload_that_moves_everything()
    {
        var f = new BoardFixture();
        Do(f, ActKind.Drain);
        var options = BoardFixture.Topo(2000, targetsPerSite: 2);
        Array.Reverse(options.Sites);
        f.Board.Reload(Topology.FromOptions(options, f.Board.Topology), f.Now);
        Assert.Equal(0, Run(f, 100, 5).Na);
        Assert.Single(f.Board.Snapshot(f.Now).Acts);
    }

    [Fact]
    public void The_same_act_again_replaces_the_first_and_there_are_at_most_a_hundred()
    {
        var f = new BoardFixture(targetsPerSite: 60);
        Do(f, ActKind.Drain);
        Do(f, ActKind.Drain, "MAIL-NA", seconds: 60);
        var act = Assert.Single(f.Board.Snapshot(f.Now).Acts);
        Assert.Equal(60, act.ExpiresIn.TotalSeconds, 0.1);
        var taken = 1;
        ActOutcome? refused = null;
        foreach (var (site, port) in ((string, int)[])[("mail-na", 2600), ("mail-eu", 2700)])
        {
            for (var i = 1; i <= 60 && refused is null; i++)
            {
                var outcome = Do(f, ActKind.Weight, $"{site}/127.0.0.1:{port + i}", ActScope.Target, 0.5);
                if (outcome.IsApplied)
                    taken++;
                else
                    refused = outcome;
            }
        }
        Assert.Equal(100, taken);
        Assert.Contains("100 acts", refused!.Sentence, StringComparison.Ordinal);
    }
}
