using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Tests.Traffic;

/// <summary>A closed loop in small: senders, a queue, two sites, the real board.</summary>
public class OutageSimulationTests
{
    private sealed record Job(double At, uint Number)
    {
        public bool IsBacklog { get; set; }
        public int Attempts { get; set; }
    }

    private sealed class Loop(BoardFixture fixture, double perSecond, double latency)
    {
        private const double StallSeconds = 5;
        private readonly PriorityQueue<(Placement Placement, Job Job, double Began), (double, long)> _underWay = new();
        private readonly Queue<Job> _fresh = new();
        private readonly Queue<Job> _waiting = new();
        private double _nextArrival = fixture.Now.TotalSeconds;
        private uint _numbers;
        private long _sequence;

        public bool NaIsDark { get; set; }
        public bool EuIsDark { get; set; }
        public bool IsBlackHole { get; set; }
        public int Wasted { get; private set; }
        public int WastedConcurrentMax { get; private set; }
        public int[] Delivered { get; } = new int[2];
        public int Arrived => (int)_numbers;
        public int Waiting => _fresh.Count + _waiting.Count + _underWay.Count;
        public double FreshDelayMax { get; private set; }
        public List<(double At, SiteId Site)> Sends { get; } = [];

        public void Run(double seconds)
        {
            var end = fixture.Now.TotalSeconds + seconds;
            while (fixture.Now.TotalSeconds < end - 1e-9)
            {
                fixture.Advance(0.005);
                if ((_sequence++ & 15) == 0)
                    fixture.Advance(0);
                Step(fixture.Now.TotalSeconds);
            }
        }

        private void Step(double now)
        {
            while (_nextArrival <= now)
            {
                _fresh.Enqueue(new Job(_nextArrival, ++_numbers));
                _nextArrival += 1 / perSecond;
            }
            while (_underWay.TryPeek(out var item, out var due) && due.Item1 <= now)
            {
                _underWay.Dequeue();
                End(item.Placement, item.Job, now - item.Began, now);
            }
            Drain(_fresh, now);
            Drain(_waiting, now);
        }

        private void Drain(Queue<Job> queue, double now)
        {
            while (queue.TryPeek(out var job))
            {
                var placement = fixture.Place(job.IsBacklog);
                if (!placement.MaySend)
                {
                    // Only fresh mail that can't go anywhere becomes backlog.
                    if (!job.IsBacklog && placement.Wait == WaitReason.AllClosed)
                    {
                        queue.Dequeue();
                        job.IsBacklog = true;
                        _waiting.Enqueue(job);
                        continue;
                    }
                    return;
                }
                queue.Dequeue();
                Sends.Add((now, placement.Site));
                var dark = placement.Site == BoardFixture.Na ? NaIsDark : EuIsDark;
                var took = dark && IsBlackHole ? StallSeconds : latency;
                _underWay.Enqueue((placement, job, now), (now + took, _sequence++));
            }
        }

        private void End(in Placement placement, Job job, double took, double now)
        {
            var dark = placement.Site == BoardFixture.Na ? NaIsDark : EuIsDark;
            if (!dark)
            {
                fixture.Deliver(placement, took);
                Delivered[placement.Site.Value]++;
                if (!job.IsBacklog)
                    FreshDelayMax = Math.Max(FreshDelayMax, now - job.At);
                return;
            }
            Wasted++;
            if (IsBlackHole)
            {
                fixture.Fail(placement, FailureScope.Target, AttemptPhase.Rcpt, "no reply for 5 s", latency: took);
            }
            else
            {
                fixture.Fail(placement, FailureScope.Site, recipient: job.Number, sender: job.Number, latency: took);
            }
            job.Attempts++;
            // A verdict moved it: it goes to another site at once.
            _fresh.Enqueue(job);
        }
    }

    [Theory]
    [InlineData(0.01)]
    [InlineData(0.1)]
    [InlineData(0.25)]
    public void When_home_stops_accepting_all_mail_goes_through_eu_and_few_answers_are_wasted(double latency)
    {
        var f = new BoardFixture();
        var loop = new Loop(f, perSecond: 150, latency);
        loop.Run(20);
        Assert.Equal(0, loop.Delivered[1]);
        loop.NaIsDark = true;
        var before = loop.Delivered[1];
        loop.Run(10);
        Assert.Equal(VerdictState.Closed, f.StateOf(BoardFixture.Na));
        Assert.True(loop.Wasted <= 60, $"{loop.Wasted} answers wasted");
        Assert.True(loop.Delivered[1] - before > 1300);
        Assert.True(loop.FreshDelayMax < 2, $"fresh mail waited {loop.FreshDelayMax:0.0} s");
        loop.Run(50);
        Assert.True(loop.Wasted <= 60, $"{loop.Wasted} answers wasted in a minute");
    }

    [Fact]
    public void After_home_returns_its_share_grows_by_steps_until_it_has_everything()
    {
        var f = new BoardFixture();
        var loop = new Loop(f, perSecond: 150, latency: 0.02);
        loop.Run(10);
        loop.NaIsDark = true;
        loop.Run(30);
        loop.NaIsDark = false;
        f.Changes.Clear();
        while (f.StateOf(BoardFixture.Na) == VerdictState.Closed)
            loop.Run(0.1);
        loop.Sends.Clear();
        var start = f.Now.TotalSeconds;
        loop.Run(90);
        var perStep = loop.Sends.Where(s => s.Site == BoardFixture.Na).GroupBy(s => (int)((s.At - start) / 5))
            .OrderBy(g => g.Key).Select(g => g.Count() / 5.0).ToList();
        Assert.True(perStep[0] <= 24, $"first step {perStep[0]}/s");
        for (var i = 1; i < 5; i++)
            Assert.True(perStep[i] <= Math.Max(25, perStep[i - 1] * 1.8),
                $"step {i}: {perStep[i]} after {perStep[i - 1]}");
        Assert.Equal(VerdictState.Healthy, f.StateOf(BoardFixture.Na));
        loop.Sends.Clear();
        loop.Run(5);
        Assert.DoesNotContain(loop.Sends, s => s.Site == BoardFixture.Eu);
    }

    [Fact]
    public void With_both_sites_dark_only_canaries_go_out_and_on_return_everything_is_delivered_fresh_first()
    {
        var f = new BoardFixture(capacity: 300);
        var loop = new Loop(f, perSecond: 100, latency: 0.02);
        loop.Run(10);
        loop.NaIsDark = loop.EuIsDark = true;
        loop.Run(10);
        Assert.True(f.Board.IsClosed(f.Service));
        loop.Sends.Clear();
        loop.Run(60);
        Assert.InRange(loop.Sends.Count, 100, 130); // Everything waits for their answer: one a second a site.
        loop.NaIsDark = loop.EuIsDark = false;
        loop.Sends.Clear();
        loop.Run(400);
        Assert.True(loop.Waiting <= 10, $"{loop.Waiting} still wait");
        Assert.Equal(loop.Arrived, loop.Delivered[0] + loop.Delivered[1] + loop.Waiting);
        foreach (var second in loop.Sends.GroupBy(s => (s.Site, (int)s.At)))
            Assert.True(second.Count() <= 300 + 16, $"{second.Count()} in a second at {second.Key}");
    }

    [Theory]
    [InlineData(20, 0.02)]
    [InlineData(150, 0.02)]
    [InlineData(150, 0.1)]
    public void A_black_hole_is_left_after_its_first_two_stalls(double perSecond, double latency)
    {
        var f = new BoardFixture();
        var loop = new Loop(f, perSecond, latency);
        loop.Run(20);
        loop.NaIsDark = loop.IsBlackHole = true;
        loop.Run(5.5);
        Assert.Equal(VerdictState.Closed, f.StateOf(BoardFixture.Na));
        loop.Run(4.5);
        Assert.True(loop.Waiting <= perSecond * latency + 10, $"{loop.Waiting} still wait after 10 s");
        loop.Run(50);
        Assert.True(loop.Wasted <= 60, $"{loop.Wasted} transactions ran into the hole");
    }
}
