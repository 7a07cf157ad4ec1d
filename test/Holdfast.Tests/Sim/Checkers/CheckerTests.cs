using Holdfast.Sim.Checkers;
using Holdfast.Sim.Runs;

namespace Holdfast.Tests.Sim.Checkers;

/// <summary>Each checker passes a sound run and finds the one thing that a test breaks.</summary>
public class CheckerTests
{
    private const string AFault =
        """, "faults": [ { "kind": "error", "at": "10s", "for": "20s", "where": ["web-na/0"] } ]""";
    private const string Converging = """, "holds": { "convergeWithin": "20s" }""";

    [Fact]
    public void A_sound_run_breaks_nothing() =>
        Assert.Empty(RunCheckers.Check(new HandMadeRun(AFault.Replace("20s", "40s", StringComparison.Ordinal)
            + Converging).Record, null));

    [Fact]
    public void A_request_without_an_end_is_found()
    {
        var run = new HandMadeRun();
        run.Totals.Served--;
        Assert.Contains(new ConservationChecker().Check(run.Record, null), b => b.Sentence.StartsWith("1 of 10000", StringComparison.Ordinal));
    }

    [Fact]
    public void A_request_with_two_ends_is_found()
    {
        var run = new HandMadeRun();
        run.Totals.Failed++;
        Assert.Single(new ConservationChecker().Check(run.Record, null));
    }

    [Fact]
    public void Series_that_count_otherwise_than_the_totals_are_found()
    {
        var run = new HandMadeRun();
        run.Services[2].Served[7]--;
        Assert.Single(new ConservationChecker().Check(run.Record, null));
        run = new HandMadeRun();
        run.Sites[1].Placed[7]++;
        Assert.Single(new ConservationChecker().Check(run.Record, null));
    }

    [Theory]
    [InlineData(11_300, false)]
    [InlineData(11_301, true)]
    public void Attempts_beyond_the_bound_are_found(long attempts, bool isBreach)
    {
        var run = new HandMadeRun();
        run.Totals.Attempts = attempts;
        Assert.Equal(isBreach, new AttemptsChecker().Check(run.Record, null).Any());
    }

    [Fact]
    public void A_site_may_be_given_what_it_has_declared_and_a_little_more_each_second()
    {
        var run = new HandMadeRun();
        for (var i = 0; i < 60; i++)
            Shift(run, i, 80 + i);
        Assert.Empty(new ShiftChecker().Check(run.Record, null));
    }

    [Fact]
    public void More_shifted_at_once_than_was_proven_is_found()
    {
        var run = new HandMadeRun();
        for (var i = 40; i < 60; i++)
            Shift(run, i, 170);
        var breach = Assert.Single(new ShiftChecker().Check(run.Record, null));
        Assert.Contains("web-eu", breach.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_served_well_counts_as_proven_afterwards()
    {
        var run = new HandMadeRun();
        for (var i = 0; i < 60; i++)
            Shift(run, i, Math.Min(170, 80 + 3 * i));
        for (var i = 80; i < 100; i++)
            Shift(run, i, 170);
        Assert.Empty(new ShiftChecker().Check(run.Record, null));
    }

    [Fact]
    public void A_target_closed_without_a_fault_is_found_and_one_with_a_fault_is_not()
    {
        var run = new HandMadeRun(AFault);
        run.AddFault(10, 30, [0], [0]);
        run.Close(15, 0, 0);
        Assert.Empty(new HealthyTargetsChecker().Check(run.Record, null));
        run.Close(16, 0, 1);
        Assert.Contains("a target of web-na", Assert.Single(new HealthyTargetsChecker().Check(run.Record, null)).Sentence,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_closure_before_the_fault_or_long_after_it_is_found()
    {
        var run = new HandMadeRun(AFault);
        run.AddFault(10, 30, [0], [0]);
        run.Close(9, 0, 0);
        run.Close(91, 0, 0);
        Assert.Equal(2, new HealthyTargetsChecker().Check(run.Record, null).Count());
    }

    [Fact]
    public void A_lost_component_explains_the_sites_that_need_it_and_no_other()
    {
        var run = new HandMadeRun(""", "faults": [ { "kind": "down", "at": "10s", "for": "20s", "where": ["locator"] } ]""");
        run.AddFault(10, 30, [], []);
        run.Close(12, 1, -1);
        run.Close(12, 1, 3);
        Assert.Empty(new HealthyTargetsChecker().Check(run.Record, null));
        run.Close(12, 0, -1);
        Assert.Single(new HealthyTargetsChecker().Check(run.Record, null));
    }

    [Fact]
    public void Our_own_pause_and_a_full_mailbox_explain_no_closure()
    {
        var pause = new HandMadeRun(""", "faults": [ { "kind": "pause", "at": "10s", "for": "3s", "where": ["edge-1"] } ]""");
        pause.AddFault(10, 13, [], []);
        pause.Close(12, 0, 0);
        Assert.Single(new HealthyTargetsChecker().Check(pause.Record, null));
        var full = new HandMadeRun(
            """, "faults": [ { "kind": "error", "at": "10s", "for": "3s", "where": ["web-na"], "scope": "recipient" } ]""");
        full.AddFault(10, 13, [0, 1], [0]);
        full.Close(12, 0, 0);
        Assert.Single(new HealthyTargetsChecker().Check(full.Record, null));
    }

    [Fact]
    public void A_crash_under_shifted_load_is_found_and_explains_the_closure_that_follows()
    {
        var run = new HandMadeRun();
        run.Crashes.Add(new CrashEntry(TimeSpan.FromSeconds(20), 1, -1, 0));
        run.Close(21, 1, 2);
        Assert.Contains("crashed", Assert.Single(new HealthyTargetsChecker().Check(run.Record, null)).Sentence,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_more_important_class_refused_while_a_less_important_one_is_served_is_found()
    {
        var run = new HandMadeRun();
        for (var i = 20; i < 30; i++)
        {
            run.Services[1].Offered[i] = 20;
            run.Services[1].Shed[i] = 10;
        }
        var breach = Assert.Single(new PriorityChecker().Check(run.Record, null));
        Assert.Contains("priority 1", breach.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void The_least_important_refused_first_is_as_it_should_be()
    {
        var run = new HandMadeRun();
        for (var i = 20; i < 30; i++)
        {
            run.Services[4].Offered[i] = run.Services[4].Shed[i] = 20;
            run.Services[2].Shed[i] = 50;
            run.Services[0].Offered[i] = 20;
        }
        Assert.Empty(new PriorityChecker().Check(run.Record, null));
    }

    [Fact]
    public void A_less_important_class_that_waits_unserved_is_no_inversion()
    {
        var run = new HandMadeRun();
        for (var i = 20; i < 30; i++)
        {
            run.Services[1].Offered[i] = run.Services[1].Shed[i] = 20;
            run.Services[2].Placed[i] = 0;
        }
        Assert.Empty(new PriorityChecker().Check(run.Record, null));
    }

    [Fact]
    public void A_run_that_comes_back_in_time_has_converged()
    {
        var run = new HandMadeRun(Converging);
        Lose(run, 30, 65);
        Assert.Empty(new ConvergenceChecker().Check(run.Record, null));
        Assert.InRange(ConvergenceChecker.TimeToConverge(run.Record, null)!.Value.TotalSeconds, 10, 20);
    }

    [Fact]
    public void A_run_that_comes_back_late_or_never_is_found()
    {
        var late = new HandMadeRun(Converging);
        Lose(late, 30, 75);
        Assert.Single(new ConvergenceChecker().Check(late.Record, null));
        var never = new HandMadeRun(Converging);
        Lose(never, 30, 100);
        Assert.Null(ConvergenceChecker.TimeToConverge(never.Record, null));
        Assert.Single(new ConvergenceChecker().Check(never.Record, null));
    }

    [Fact]
    public void Answers_that_are_told_in_the_next_window_are_no_relapse()
    {
        var run = new HandMadeRun(Converging);
        run.Services[2].Served[79] = 70;
        run.Services[2].Served[80] = 130;
        Assert.Empty(new ConvergenceChecker().Check(run.Record, null));
    }

    [Fact]
    public void A_relapse_after_a_first_recovery_counts()
    {
        var run = new HandMadeRun(Converging);
        Lose(run, 80, 85);
        Assert.Single(new ConvergenceChecker().Check(run.Record, null));
    }

    [Fact]
    public void What_the_optimum_could_not_serve_either_is_no_failure_to_converge()
    {
        var run = new HandMadeRun(Converging);
        Lose(run, 30, 100);
        var optimum = new OptimumResult([.. run.Services[2].Served.Select(s => (double)s)], [], 0, null, "");
        Assert.Empty(new ConvergenceChecker().Check(run.Record, optimum));
    }

    [Fact]
    public void Edges_that_serve_the_same_class_differently_are_found()
    {
        var run = new HandMadeRun { EdgeRequests = new long[12], EdgeServed = new long[12] };
        run.EdgeRequests[2] = run.EdgeRequests[8] = 1000;
        run.EdgeServed[2] = 990;
        run.EdgeServed[8] = 875;
        Assert.Empty(new FairnessChecker().Check(run.Record, null));
        run.EdgeServed[8] = 865;
        Assert.Single(new FairnessChecker().Check(run.Record, null));
    }

    [Theory]
    [InlineData("\"regretMax\": 0.04", "regret")]
    [InlineData("\"servedMin\": 0.96", "served in time")]
    [InlineData("\"servedTopMin\": 0.96", "top priority")]
    [InlineData("\"attemptsMax\": 1.01", "attempts")]
    [InlineData("\"healthyClosedMax\": 0", "closures")]
    [InlineData("\"overloadMax\": 0.6", "used to")]
    [InlineData("\"detectWithin\": \"2s\"", "after 5.0 s")]
    public void What_the_scenario_demands_is_held_against_the_run(string demand, string told)
    {
        var sound = new HandMadeRun(AFault + ", \"holds\": { " + demand + " }");
        Assert.Empty(new HoldsChecker().Check(sound.Record, Best(10_000)));
        var run = new HandMadeRun(AFault + ", \"holds\": { " + demand + " }");
        run.Totals.Served -= 500;
        run.Totals.Failed += 500;
        run.Totals.Attempts += 200;
        for (var i = 95; i < 100; i++)
            run.Services[2].ServedOfArrived[i] = 0;
        run.AddFault(10, 30, [0], [0]);
        run.Close(15, 0, 0);
        run.Close(95, 1, 2);
        run.Sites[1].Placed[50] = 900;
        Assert.Contains(told, Assert.Single(new HoldsChecker().Check(run.Record, Best(10_000))).Sentence,
            StringComparison.Ordinal);
    }

    private static OptimumResult Best(double total) => new(new double[HandMadeRun.Steps], [], total, null, "");

    private static void Shift(HandMadeRun run, int step, int placed)
    {
        run.Sites[1].Placed[step] = run.Sites[1].Succeeded[step] = placed;
        run.Sites[0].Placed[step] = Math.Max(0, 100 - placed);
    }

    private static void Lose(HandMadeRun run, int from, int to)
    {
        for (var i = from; i < to; i++)
            run.Services[2].Served[i] = run.Services[2].ServedOfArrived[i] = 50;
    }
}
