using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Recovery;
using Holdfast.Traffic.Targets;

namespace Holdfast.Tests.Traffic.Recovery;

/// <summary>One site that was dark, with much waiting and fresh mail going on.</summary>
public class BacklogDrainTests
{
    private const double Capacity = 400;
    private const double FreshPerSecond = 100;
    private static readonly TrafficOptions s_options = new();

    [Fact]
    public void A_backlog_takes_what_fresh_mail_leaves_within_seven_seconds_of_the_return()
    {
        var site = new Site();
        var back = site.Return();
        site.Run(40);
        Assert.InRange(site.CanaryAt - back, 0, 1.3);
        // Fresh mail is carried from the fourth second on, all of the capacity from the seventh on.
        Assert.True(site.Fresh(4, 40) >= FreshPerSecond * 36, $"{site.Fresh(4, 40)} fresh");
        Assert.True(site.Sent(7, 40) >= 0.97 * Capacity * 33, $"{site.Sent(7, 40)} sent");
    }

    [Fact]
    public void A_drain_leaves_a_part_of_the_capacity_free_in_each_second_however_long_it_takes()
    {
        var site = new Site();
        site.Return();
        site.Run(60);
        for (var second = 8; second < 60; second++)
            Assert.InRange(site.Sent(second, second + 1), 0.975 * Capacity, 0.99 * Capacity);
    }

    [Fact]
    public void A_pause_of_ours_is_not_caught_up_on_by_a_burst_of_waiting_mail()
    {
        var site = new Site();
        site.Return();
        site.Run(20);
        site.Pause(0.5);
        var from = site.Now.TotalSeconds - site.CanaryAt;
        site.Run(0.01, hasFresh: false);
        Assert.InRange(site.Sent(from, from + 0.01), 1, 0.04 * Capacity);
    }

    [Fact]
    public void Waiting_mails_share_grows_while_the_ramp_as_a_whole_is_used()
    {
        var pace = new BacklogPace();
        pace.Begin(s_options, 0);
        for (var second = 0; second < 5; second++)
        {
            pace.Want();
            pace.EndWindow(s_options, 1);
        }
        Assert.False(pace.IsGated);
    }

    [Fact]
    public void What_fails_when_a_site_closes_teaches_nothing_of_its_capacity()
    {
        var site = new Site();
        Assert.Equal(Capacity, site.Board.Snapshot(site.Now).Sites[0].CapacityPerSecond);
        site.Return();
        Assert.Equal(Capacity, site.Board.Snapshot(site.Now).Sites[0].CapacityPerSecond);
    }

    [Fact]
    public void Waiting_mails_share_doubles_until_the_first_failure_and_from_half_of_what_is_left_grows_by_a_fiftieth()
    {
        var pace = new BacklogPace();
        pace.Begin(s_options, 0);
        var shares = new List<double>();
        for (var second = 0; second < 9; second++)
        {
            shares.Add(Granted(pace, second));
            if (second == 3)
            {
                pace.Fail(s_options);
                pace.Fail(s_options); // The same second's: one sign, not two.
            }
            pace.EndWindow(s_options, 1);
        }
        double[] expected = [50, 100, 200, 400, 200, 400, 485, 505, 525];
        Assert.All(expected.Zip(shares), s => Assert.InRange(s.Second, s.First * 0.96, s.First * 1.12));
    }

    [Fact]
    public void A_ramp_doubles_each_second_while_something_waits_for_it_and_takes_its_time_otherwise()
    {
        Assert.InRange(SecondsToFull(isNeeded: true), 6.5, 8);
        Assert.InRange(SecondsToFull(isNeeded: false), 55, 70);
    }

    [Fact]
    public void A_ramp_that_began_higher_for_want_of_others_falls_to_the_lowest_rate_before_it_closes()
    {
        var ramp = new RecoveryRamp();
        ramp.Begin(0.05, 0.01, Capacity, 0);
        Assert.Equal(0.05 * Capacity, ramp.Rate);
        Assert.False(ramp.Fail(s_options, 1));
        Assert.Equal(0.025 * Capacity, ramp.Rate);
        Assert.False(ramp.Fail(s_options, 20));
        Assert.False(ramp.Fail(s_options, 40));
        Assert.Equal(0.01 * Capacity, ramp.Rate);
        Assert.True(ramp.Fail(s_options, 60));
    }

    [Fact]
    public void After_a_failure_a_ramp_rests_however_much_waits()
    {
        var ramp = new RecoveryRamp();
        ramp.Begin(0.01, 0.01, Capacity, 0);
        for (var now = 0.0; now < 6; now += 0.1)
        {
            ramp.Succeed();
            ramp.Tick(s_options, Capacity, Capacity, 1, true, true, now);
        }
        var before = ramp.Rate;
        while (ramp.Rate >= before)
            Assert.False(ramp.Fail(s_options, 6));
        var after = ramp.Rate;
        for (var now = 6.0; now < 20.9; now += 0.1)
        {
            ramp.Succeed();
            ramp.Tick(s_options, Capacity, Capacity, 1, true, true, now);
            Assert.Equal(after, ramp.Rate);
        }
    }

    [Fact]
    public void A_long_time_of_slow_answers_is_forgotten_as_fast_as_a_short_one()
    {
        var test = new OutcomeTest(s_options);
        for (var i = 0; i < 5000; i++)
            test.Succeed(isSlow: true, 1 + i / 1000.0);
        Assert.True(test.IsSlowCertain);
        for (var i = 0; i < 1000; i++)
            test.Succeed(isSlow: false, 6 + i / 1000.0);
        Assert.True(test.IsQuiet);
    }

    private static double Granted(BacklogPace pace, int second)
    {
        var granted = 0;
        for (var ms = 0; ms < 1000; ms++)
        {
            if (pace.Wait(1000, 0, second + ms / 1000.0) <= 0)
                granted++;
        }
        return granted;
    }

    private static double SecondsToFull(bool isNeeded)
    {
        var ramp = new RecoveryRamp();
        ramp.Begin(0.01, 0.01, Capacity, 0);
        for (var now = 0.0; now < 200; now += 0.05)
        {
            ramp.Succeed();
            if (ramp.Tick(s_options, Capacity, Capacity, 1, true, isNeeded, now))
                return now;
        }
        return double.PositiveInfinity;
    }

    private sealed class Site
    {
        private readonly List<(double At, bool IsFresh)> _sent = [];
        private readonly Queue<(TimeSpan At, Placement Placement)> _ends = new();
        private readonly ServiceId _service = new(0);
        private double _owed;
        private double _back;
        private int _number;

        public Site()
        {
            Board = new TrafficBoard(Topology.FromOptions(new TopologyOptions
            {
                HomeRegion = "na",
                Regions = [new() { Name = "na" }],
                Sites =
                [
                    new() { Name = "mail-na", Service = "mail", Region = "na", CapacityPerSecond = Capacity,
                        Targets = [new() { Address = "127.0.0.1:25" }] },
                ],
            }), s_options, new Random(7));
            Step(20, isDark: false, hasBacklog: false);
            Step(60, isDark: true, hasBacklog: true);
            Assert.Equal(VerdictState.Closed, Board.Snapshot(Now).Sites[0].Verdict.State);
        }

        public TrafficBoard Board { get; }
        public TimeSpan Now { get; private set; } = TimeSpan.FromSeconds(1);
        public double CanaryAt { get; private set; } = double.NaN;

        public double Return()
        {
            _sent.Clear();
            _owed = 0;
            _back = Now.TotalSeconds;
            while (Board.Snapshot(Now).Sites[0].Verdict.State == VerdictState.Closed)
                Step(0.1, isDark: false, hasBacklog: true);
            CanaryAt = Now.TotalSeconds;
            return _back;
        }

        public void Run(double seconds, bool hasFresh = true) =>
            Step(seconds, isDark: false, hasBacklog: true, hasFresh);

        public void Pause(double seconds) => Now += TimeSpan.FromSeconds(seconds);

        public int Sent(double from, double to) => _sent.Count(s => s.At - CanaryAt >= from && s.At - CanaryAt < to);

        public int Fresh(double from, double to) =>
            _sent.Count(s => s.IsFresh && s.At - CanaryAt >= from && s.At - CanaryAt < to);

        private void Step(double seconds, bool isDark, bool hasBacklog, bool hasFresh = true)
        {
            for (var ms = 0; ms < seconds * 1000; ms++)
            {
                Now += TimeSpan.FromMilliseconds(1);
                if ((long)Now.TotalMilliseconds % 100 == 0)
                    Board.Tick(Now);
                while (_ends.Count > 0 && _ends.Peek().At <= Now)
                    End(_ends.Dequeue().Placement, isDark);
                _owed += FreshPerSecond / 1000;
                while (hasFresh && _owed >= 1 && Send(isFresh: true))
                    _owed--;
                while (hasBacklog && Send(isFresh: false))
                {
                }
            }
        }

        private bool Send(bool isFresh)
        {
            var placement = Board.Place(new PlacementRequest(_service, OperationClass.MailDelivery, 3, !isFresh,
                TargetId.None), Now);
            if (!placement.MaySend)
                return false;
            _sent.Add((Now.TotalSeconds, isFresh));
            _ends.Enqueue((Now + TimeSpan.FromMilliseconds(20), placement));
            return true;
        }

        private void End(in Placement placement, bool isDark)
        {
            _number++;
            Board.Report(new TrafficOutcome(placement.Target, OperationClass.MailDelivery,
                isDark ? AttemptPhase.Rcpt : AttemptPhase.FinalDot, isDark ? FailureScope.Site : FailureScope.None,
                TimeSpan.FromMilliseconds(20), isDark ? BoardFixture.NotAccepting : null, (uint)_number, (uint)_number), Now);
            Board.Release(placement, !isDark, Now);
        }
    }
}
