using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Tests.Traffic.Health;

public class ProbeTests
{
    private static readonly TargetId s_first = new(0);

    private static bool Probe(WebFixture f, TargetId target, bool passed) => f.Board.ReportProbe(new TrafficOutcome(
        target, OperationClass.Read, AttemptPhase.Answer, passed ? FailureScope.None : FailureScope.Target,
        TimeSpan.FromSeconds(0.002), passed ? null : "probe: 500"), f.Now);

    /// <summary>Probes of one target at their interval.</summary>
    private static void Probe(WebFixture f, TargetId target, bool passed, int times, double every = 2)
    {
        for (var i = 0; i < times; i++)
        {
            Probe(f, target, passed);
            f.Advance(every);
        }
    }

    private static VerdictState TargetState(WebFixture f) => f.Site(WebFixture.Na).Targets[0].Verdict.State;

    /// <summary>Requests fail at a target that passes its probes.</summary>
    private static void CloseByTraffic(WebFixture f)
    {
        f.Serve(100, 5);
        for (var i = 0; i < 100 && TargetState(f) != VerdictState.Closed; i++)
        {
            f.Serve(100, 0.5, p => p.Target == s_first);
            Probe(f, s_first, true);
        }
        Assert.Equal(VerdictState.Closed, TargetState(f));
    }

    [Fact]
    public void Failing_probes_close_an_idle_target_and_passing_ones_bring_it_back_without_a_request()
    {
        var f = new WebFixture();
        Probe(f, s_first, true, 5);
        Probe(f, s_first, false, 3);
        Assert.Equal(VerdictState.Closed, TargetState(f));
        Assert.Contains("probe: 500", f.Site(WebFixture.Na).Targets[0].Verdict.Evidence, StringComparison.Ordinal);
        Probe(f, s_first, false, 20, 0.5);
        Assert.Equal(VerdictState.Closed, TargetState(f));
        var at = f.Seconds;
        while (TargetState(f) == VerdictState.Closed && f.Seconds < at + 3)
            Probe(f, s_first, true, 1, 0.5);
        Assert.Equal(VerdictState.Recovering, TargetState(f));
        Probe(f, s_first, true, 40, 0.5);
        Assert.Equal(VerdictState.Healthy, TargetState(f));
    }

    [Fact]
    public void A_site_whose_targets_all_fail_their_probes_is_closed_and_comes_back_by_them()
    {
        var f = new WebFixture(targets: 2);
        for (var i = 0; i < 5; i++)
        {
            Probe(f, new TargetId(0), false);
            Probe(f, new TargetId(1), false);
            f.Advance(2);
        }
        Assert.Equal(VerdictState.Closed, f.StateOf(WebFixture.Na));
        for (var i = 0; i < 10; i++)
        {
            Probe(f, new TargetId(0), true);
            Probe(f, new TargetId(1), true);
            f.Advance(0.5);
        }
        Assert.NotEqual(VerdictState.Closed, f.StateOf(WebFixture.Na));
    }

    [Fact]
    public void Passing_probes_do_not_soften_what_traffic_says()
    {
        static double ClosedAfter(bool probes)
        {
            var f = new WebFixture(targets: 2, seed: 7);
            var random = new Random(3);
            f.Serve(20, 30);
            var from = f.Seconds;
            while (TargetState(f) is VerdictState.Healthy or VerdictState.Suspect && f.Seconds < from + 60)
            {
                f.Serve(20, 0.5, p => p.Target == s_first && random.NextDouble() < 0.5);
                if (probes)
                    Probe(f, s_first, true);
            }
            return f.Seconds - from;
        }

        Assert.InRange(ClosedAfter(probes: false), 0, 20);
        Assert.Equal(ClosedAfter(probes: false), ClosedAfter(probes: true));
    }

    [Fact]
    public void A_probe_that_did_not_see_the_fault_is_no_canary_while_requests_come()
    {
        var f = new WebFixture(targets: 2);
        CloseByTraffic(f);
        // Every canary of the half minute is a request, and fails.
        for (var i = 0; i < 60; i++)
        {
            f.Serve(100, 0.5, p => p.Target == s_first);
            Probe(f, s_first, true);
            Assert.Equal(VerdictState.Closed, TargetState(f));
        }
    }

    [Fact]
    public void Where_no_request_comes_a_probe_that_did_not_see_the_fault_is_the_canary_at_last()
    {
        var f = new WebFixture(targets: 2);
        CloseByTraffic(f);
        Probe(f, s_first, true, 30, 0.5);
        Assert.Equal(VerdictState.Closed, TargetState(f));
        Probe(f, s_first, true, 100, 0.5);
        Assert.NotEqual(VerdictState.Closed, TargetState(f));
    }

    [Fact]
    public void Requests_are_not_spent_as_canaries_while_probes_fail_but_for_one_in_a_while()
    {
        static int Canaries(bool probes)
        {
            var f = new WebFixture(targets: 2);
            f.Serve(50, 10);
            var placed = 0;
            for (var i = 0; i < 240; i++)
            {
                if (probes)
                    Probe(f, s_first, false);
                f.Serve(50, 0.5, p =>
                {
                    placed += i >= 60 && p.Target == s_first ? 1 : 0;
                    return p.Target == s_first;
                });
            }
            return placed;
        }

        var with = Canaries(probes: true);
        Assert.InRange(with, 1, 7);
        Assert.InRange(Canaries(probes: false), 2 * with, 1000);
    }

    [Fact]
    public void A_probe_that_always_fails_does_not_close_a_target_whose_traffic_is_well()
    {
        var f = new WebFixture(targets: 2);
        f.Serve(40, 20);
        for (var i = 0; i < 120; i++)
        {
            f.Serve(40, 0.5);
            Probe(f, s_first, false);
        }
        Assert.NotEqual(VerdictState.Closed, TargetState(f));
    }

    [Fact]
    public void Probes_say_nothing_of_how_fast_traffic_should_be()
    {
        var f = new WebFixture(targets: 1);
        Probe(f, s_first, true, 200);
        f.Serve(40, 20, latency: 0.2);
        Assert.Equal(VerdictState.Healthy, f.StateOf(WebFixture.Na));
    }

    [Fact]
    public void A_site_that_end_to_end_canaries_closed_is_not_opened_by_probes()
    {
        var f = new WebFixture(targets: 2);
        f.Serve(50, 10);
        for (var i = 0; i < 30; i++)
        {
            if (i % 5 == 0)
                f.Board.ReportCanary(WebFixture.Na, i < 5, TimeSpan.FromSeconds(1), f.Now);
            Probe(f, s_first, i % 7 != 3);
            f.Advance(1);
        }
        Assert.Equal(VerdictState.Closed, f.StateOf(WebFixture.Na));
    }

    [Fact]
    public void Our_own_pause_is_no_failure_of_what_is_probed()
    {
        var f = new WebFixture(targets: 2);
        Probe(f, s_first, true, 5);
        for (var i = 0; i < 6; i++)
        {
            f.Pause(5);
            f.Board.ReportProbe(new TrafficOutcome(s_first, OperationClass.Read, AttemptPhase.Answer,
                FailureScope.Target, TimeSpan.FromSeconds(4), "probe: no answer in 2 s"), f.Now);
        }
        Assert.Equal(VerdictState.Healthy, TargetState(f));
    }
}
