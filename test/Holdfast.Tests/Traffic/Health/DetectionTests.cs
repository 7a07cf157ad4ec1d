using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Tests.Traffic.Health;

public class DetectionTests
{
    private static readonly TrafficOutcome s_failure = new(new TargetId(0), OperationClass.Read, AttemptPhase.Answer,
        FailureScope.Target, TimeSpan.FromMilliseconds(20), "500");

    /// <summary>Seconds from the fault to the alarm at 10 outcomes a second after ten minutes of 0.2 % failures.
    /// </summary>
    private static double SecondsToAlarm(double share, int seed)
    {
        var random = new Random(seed);
        var test = new OutcomeTest(new TrafficOptions());
        var now = 0.0;
        for (var i = 0; !test.IsAlarm; i++)
        {
            now += 0.1;
            if (random.NextDouble() < (i < 6000 ? 0.002 : share))
                test.Fail(s_failure, false, now);
            else
                test.Succeed(false, now);
            if (i % 10 == 0)
                test.Tune(double.NaN, 16, now);
        }
        return now - 600;
    }

    [Theory]
    [InlineData(1.0, 0.6)]
    [InlineData(0.5, 1.2)]
    [InlineData(0.3, 2.2)]
    [InlineData(0.1, 12)]
    public void At_ten_a_second_a_share_of_failures_is_seen_in_time(double share, double within)
    {
        var times = Enumerable.Range(0, 101).Select(seed => SecondsToAlarm(share, seed)).Order().ToList();
        Assert.InRange(times[50], 0, within);
    }

    [Fact]
    public void At_one_in_a_hundred_failing_there_is_at_most_one_false_alarm_a_day()
    {
        var random = new Random(1);
        var test = new OutcomeTest(new TrafficOptions());
        var alarms = 0;
        const int days = 4;
        for (var i = 0; i < days * 864_000; i++)
        {
            var now = i * 0.1;
            if (random.NextDouble() < 0.01)
                test.Fail(s_failure, false, now);
            else
                test.Succeed(false, now);
            if (i % 10 == 0)
                test.Tune(double.NaN, 1, now);
            if (!test.IsAlarm)
                continue;
            alarms++;
            test.Reset();
        }
        Assert.InRange(alarms, 0, days);
    }

    [Fact]
    public void A_rise_that_the_peers_share_is_no_alarm_against_them_and_one_against_the_own_past()
    {
        var alone = new OutcomeTest(new TrafficOptions());
        for (var i = 0; i < 3000; i++)
        {
            alone.Succeed(false, i * 0.1);
            if (i % 10 == 0)
                alone.Tune(0.15, 1, i * 0.1);
        }
        for (var i = 3000; !alone.IsAlarm; i++)
        {
            Assert.True(i < 3100);
            if (i % 2 == 0)
                alone.Fail(s_failure, false, i * 0.1);
            else
                alone.Succeed(false, i * 0.1);
        }
    }

    [Fact]
    public void One_operation_that_fails_closes_only_itself()
    {
        var f = new WebFixture();
        for (var i = 0; i < 400; i++)
        {
            foreach (var operation in new[] { OperationClass.Read, OperationClass.Write })
            {
                if (f.Place(operation) is { MaySend: true } p)
                    f.Answer(p, operation == OperationClass.Read || p.Site == WebFixture.Eu, operation);
            }
            f.Advance(0.01);
        }
        Assert.Equal(WebFixture.Na, f.Place(OperationClass.Read).Site);
        Assert.Contains(f.Site(WebFixture.Na).Operations, o => o is
            { Operation: OperationClass.Write, Verdict: VerdictState.Closed });
        Assert.Contains(f.Site(WebFixture.Na).Operations, o => o is
            { Operation: OperationClass.Read, Verdict: VerdictState.Healthy });
        for (var i = 0; i < 5; i++)
        {
            var p = f.Place(OperationClass.Write);
            if (p.Kind == PlacementKind.Send)
                Assert.Equal(WebFixture.Eu, p.Site);
        }
    }

    [Fact]
    public void What_fails_in_part_is_never_closed_and_gives_up_its_traffic_until_it_is_well()
    {
        var f = new WebFixture();
        var random = new Random(5);
        f.Serve(100, 20);
        f.Serve(100, 40, p => p.Site == WebFixture.Na && random.NextDouble() < 0.5);
        Assert.Equal(VerdictState.Degraded, f.StateOf(WebFixture.Na));
        Assert.DoesNotContain(f.Changes, c => c.To == VerdictState.Closed && c.Target.IsNone);
        Assert.InRange(f.Site(WebFixture.Na).Share, 0.001, 0.15);
        f.Serve(100, 150);
        Assert.Equal(VerdictState.Healthy, f.StateOf(WebFixture.Na));
        Assert.True(f.Site(WebFixture.Na).Share > 0.99);
    }

    [Fact]
    public void One_target_of_many_that_fails_in_part_is_degraded_and_its_site_is_not()
    {
        var f = new WebFixture(targets: 8);
        var random = new Random(5);
        f.Serve(100, 20);
        var failed = f.Serve(100, 60, p => p.Target.Value == 3 && random.NextDouble() < 0.5);
        Assert.Equal(VerdictState.Healthy, f.StateOf(WebFixture.Na));
        Assert.Equal(VerdictState.Degraded, f.Site(WebFixture.Na).Targets[3].Verdict.State);
        Assert.Contains("peers 0 of", f.Site(WebFixture.Na).Targets[3].Verdict.Evidence, StringComparison.Ordinal);
        Assert.InRange(failed, 5, 80);
    }

    [Fact]
    public void Nothing_that_works_ordinarily_is_ever_judged()
    {
        var f = new WebFixture();
        var random = new Random(7);
        f.Serve(100, 600, _ => random.NextDouble() < 0.005);
        Assert.DoesNotContain(f.Changes, c => c.To is VerdictState.Closed or VerdictState.Degraded);
    }
}
