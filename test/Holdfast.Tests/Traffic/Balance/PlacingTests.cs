using CsCheck;
using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Tests.Traffic.Balance;

public class PlacingTests
{
    [Theory]
    [InlineData(100)]
    [InlineData(1500)]
    [InlineData(1900)]
    public void Nothing_leaves_a_healthy_home_that_has_room(int perSecond)
    {
        var f = new BoardFixture();
        for (var i = 0; i < 5000; i++)
        {
            var placement = f.Place();
            Assert.Equal(BoardFixture.Na, placement.Site);
            if (placement.MaySend)
                f.Deliver(placement);
            f.Advance(1.0 / perSecond);
            if (perSecond > 1600 && i > 4 * perSecond)
                break;
        }
    }

    [Fact]
    public void A_short_burst_waits_at_home()
    {
        var f = new BoardFixture(capacity: 100);
        var sent = 0;
        for (var ms = 0; ms < 4000; ms++)
        {
            for (var placement = f.Place(); placement.MaySend; placement = f.Place())
            {
                Assert.Equal(BoardFixture.Na, placement.Site);
                f.Deliver(placement);
                sent++;
            }
            f.Advance(0.001);
        }
        Assert.InRange(sent, 395, 406);
    }

    [Fact]
    public void What_a_full_home_cannot_take_goes_to_the_next_site_after_a_while()
    {
        var f = new BoardFixture(capacity: 100);
        var sent = new int[2];
        for (var ms = 0; ms < 20_000; ms++)
        {
            if (ms % 7 == 0 && f.Place() is { MaySend: true } placement)
            {
                if (ms > 10_000)
                    sent[placement.Site.Value]++;
                f.Deliver(placement);
            }
            f.Advance(0.001);
        }
        // 143/s asked: home keeps four fifths and more, the rest goes to eu.
        Assert.InRange(sent[0], 750, 1010);
        Assert.InRange(sent[1], 350, 700);
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(50.0)]
    [InlineData(2000.0)]
    public void No_site_is_ever_given_more_than_its_declared_capacity_and_a_burst(double capacity)
    {
        var f = new BoardFixture(capacity, concurrencyMax: 10_000,
            options: new TrafficOptions { ConcurrencyInitial = 10_000 });
        var sends = new List<double>[] { [], [] };
        for (var ms = 0; ms < 15_000; ms++)
        {
            for (var placement = f.Place(); placement.MaySend; placement = f.Place())
            {
                sends[placement.Site.Value].Add(f.Now.TotalSeconds);
                f.Deliver(placement);
            }
            f.Advance(0.001);
        }
        var burst = Math.Max(1, capacity * 0.05);
        foreach (var times in sends)
        {
            for (int i = 0, j = 0; i < times.Count; i++)
            {
                while (times[i] - times[j] > 1)
                    j++;
                Assert.True(i - j + 1 <= (times[i] - times[j]) * capacity + burst + 1.001);
            }
        }
        Assert.InRange(sends[0].Count, 15 * capacity * 0.97, 15 * capacity + burst + 1);
    }

    [Fact]
    public void An_undeclared_home_grows_from_fifty_a_second_and_nothing_leaves_it()
    {
        var f = new BoardFixture(capacity: null);
        var perSecond = new int[20];
        for (var ms = 0; ms < 20_000; ms++)
        {
            if (f.Place() is { MaySend: true } placement)
            {
                Assert.Equal(BoardFixture.Na, placement.Site);
                f.Deliver(placement);
                perSecond[ms / 1000]++;
            }
            f.Advance(0.001);
        }
        Assert.InRange(perSecond[0], 40, 60);
        for (var i = 1; i < 19; i++)
            Assert.True(perSecond[i] <= perSecond[i - 1] * 1.6 + 5);
        Assert.True(perSecond[19] > 900);
    }

    [Fact]
    public void A_target_to_avoid_is_passed_over_for_a_sibling_then_for_the_next_site()
    {
        var f = new BoardFixture(targetsPerSite: 2);
        var avoid = f.Board.Topology.Sites[0].Targets[0];
        for (var i = 0; i < 10; i++)
            Assert.Equal(f.Board.Topology.Sites[0].Targets[1], f.Place(avoid: avoid).Target);
        var single = new BoardFixture();
        Assert.Equal(BoardFixture.Eu, single.Place(avoid: single.Board.Topology.Sites[0].Targets[0]).Site);
    }

    [Fact]
    public void What_is_closed_to_readers_is_written_to_only_after_its_siblings()
    {
        var f = new WebFixture();
        var sick = f.Board.Topology.Sites[0].Targets[0];
        f.Serve(100, seconds: 3);
        for (var i = 0; i < 40; i++)
            f.Answer(f.Place(OperationClass.Write), operation: OperationClass.Write);
        for (var i = 0; i < 20_000 && !f.Board.IsClosed(sick, OperationClass.Read); i++)
        {
            if (f.Place() is { MaySend: true } placement)
                f.Answer(placement, well: placement.Target != sick);
            f.Advance(0.01);
        }
        Assert.True(f.Board.IsClosed(sick, OperationClass.Read));
        for (var i = 0; i < 40; i++)
        {
            var placement = f.Place(OperationClass.Write);
            Assert.NotEqual(sick, placement.Target);
            f.Answer(placement, operation: OperationClass.Write);
        }
        // Nothing is proven of what is written: it is the last to be asked, and open.
        Assert.False(f.Board.IsClosed(sick, OperationClass.Write));
    }

    [Fact]
    public void The_preferred_site_comes_first_unless_it_is_closed()
    {
        var f = new BoardFixture();
        Assert.Equal(BoardFixture.Eu, f.Place(prefer: BoardFixture.Eu).Site);
        f.CloseHome();
        while (f.Place() is { Site.Value: 0 })
            f.Advance(0.1);
        Assert.Equal(BoardFixture.Eu, f.Place(prefer: BoardFixture.Na).Site);
    }

    [Fact]
    public void Concurrency_never_passes_the_configured_maximum_and_a_release_lets_the_next_in()
    {
        var f = new BoardFixture(concurrencyMax: 3);
        var placements = Enumerable.Range(0, 3).Select(_ => f.Place()).ToList();
        Assert.All(placements, p => Assert.True(p.MaySend));
        Assert.Equal(WaitReason.Saturated, f.Place().Wait);
        f.Deliver(placements[0]);
        Assert.True(f.Place().MaySend);
    }

    [Fact]
    public void Of_two_targets_the_faster_and_less_loaded_gets_more()
    {
        var f = new BoardFixture(targetsPerSite: 2);
        var slow = f.Board.Topology.Sites[0].Targets[0];
        var count = new int[4];
        for (var i = 0; i < 1000; i++)
        {
            var placement = f.Place();
            count[placement.Target.Value]++;
            f.Deliver(placement, placement.Target == slow ? 0.2 : 0.01);
            f.Advance(0.01);
        }
        Assert.True(count[1] > 5 * count[0], $"{count[0]} to the slow one, {count[1]} to the fast one");
    }

    [Fact]
    public void Twenty_targets_all_get_work_and_a_dark_one_is_left()
    {
        var f = new BoardFixture(targetsPerSite: 20);
        var count = new int[40];
        for (var i = 0; i < 4000; i++)
        {
            var placement = f.Place();
            Assert.Equal(BoardFixture.Na, placement.Site);
            count[placement.Target.Value]++;
            if (placement.Target.Value == 5)
                f.Fail(placement, FailureScope.Target, AttemptPhase.Connect, "connection refused");
            else
                f.Deliver(placement);
            f.Advance(0.01);
        }
        Assert.InRange(count[5], 1, 15);
        for (var i = 0; i < 20; i++)
            Assert.True(i == 5 || count[i] > 50, $"{i}: {count[i]}");
    }

    /// <summary>Whatever happens in whatever order: counts stay sane, closed sites get canaries only, one at a time.
    /// </summary>
    [Fact]
    public void Any_sequence_of_events_keeps_the_invariants()
    {
        Gen.Select(Gen.Int[0, 9].Array[1, 400], Gen.Int[0, 1000]).Sample((acts, seed) =>
        {
            var f = new BoardFixture(seed % 3 == 0 ? null : 1 + seed, targetsPerSite: 1 + seed % 3, seed: seed);
            var held = new Queue<Placement>();
            var n = 0u;
            foreach (var act in acts)
            {
                n++;
                var isClosed = new[] { f.StateOf(BoardFixture.Na), f.StateOf(BoardFixture.Eu) };
                switch (act)
                {
                    case <= 4:
                        var placement = f.Place(isBacklog: (n & 3) == 0, priority: (byte)(n % 6));
                        if (placement.MaySend)
                        {
                            if (isClosed[placement.Site.Value] == VerdictState.Closed)
                                Assert.Equal(PlacementKind.Canary, placement.Kind);
                            held.Enqueue(placement);
                        }
                        else
                        {
                            Assert.NotEqual(WaitReason.None, placement.Wait);
                            Assert.True(placement.RetryAfter > TimeSpan.Zero);
                        }
                        break;
                    case 5 when held.TryDequeue(out var done):
                        f.Deliver(done);
                        break;
                    case 6 or 7 when held.TryDequeue(out var failed):
                        f.Fail(failed, (FailureScope)(1 + n % 7), (AttemptPhase)(n % 9), recipient: n, sender: n,
                            detail: n % 5 == 0 ? "no reply for 30 s" : BoardFixture.NotAccepting);
                        break;
                    case 8:
                        f.Advance(0.1 * (n % 20));
                        break;
                    default:
                        f.Advance(0.01);
                        break;
                }
                var sites = f.Board.Snapshot(f.Now).Sites;
                Assert.Equal(held.Count, sites.Sum(s => s.Targets.Sum(t => t.InFlight)));
                Assert.All(sites, s => Assert.All(s.Targets, t => Assert.True(t.InFlight >= 0 && t.Limit >= 1)));
                Assert.Equal(sites.All(s => s.Verdict.State == VerdictState.Closed), f.Board.IsClosed(f.Service));
            }
            while (held.TryDequeue(out var rest))
                f.Board.Release(rest, false, f.Now);
            f.Board.Release(new Placement(PlacementKind.Send, new TargetId(0), BoardFixture.Na, false, WaitReason.None,
                TimeSpan.Zero), false, f.Now);
            Assert.All(f.Board.Snapshot(f.Now).Sites, s => Assert.All(s.Targets, t => Assert.Equal(0, t.InFlight)));
        }, iter: 300);
    }

    [Fact]
    public void The_same_seed_and_events_give_the_same_placements()
    {
        List<Placement> Run()
        {
            var f = new BoardFixture(targetsPerSite: 12, seed: 5);
            var all = new List<Placement>();
            for (var i = 0u; i < 2000; i++)
            {
                var placement = f.Place();
                all.Add(placement);
                if (placement.MaySend && i % 3 == 0)
                    f.Fail(placement, FailureScope.Site, recipient: i, sender: i);
                else if (placement.MaySend)
                    f.Deliver(placement);
                f.Advance(0.013);
            }
            return all;
        }
        Assert.Equal(Run(), Run());
    }

    [Fact]
    public void Placing_reporting_and_releasing_allocates_nothing()
    {
        var f = new BoardFixture(capacity: 1_000_000);
        void Round()
        {
            var placement = f.Place();
            f.Deliver(placement);
        }
        for (var i = 0; i < 1000; i++)
            Round();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10_000; i++)
            Round();
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 10_000);
    }
}
