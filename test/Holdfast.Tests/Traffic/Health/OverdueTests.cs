using CsCheck;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Tests.Traffic.Health;

public class OverdueTests
{
    [Fact]
    public void A_site_that_answers_nothing_any_more_is_left_within_two_seconds()
    {
        var f = new WebFixture();
        f.Serve(20, 20);
        for (var i = 0; i < 60 && f.StateOf(WebFixture.Na) != VerdictState.Closed; i++)
        {
            f.Place();
            f.Advance(0.05);
        }
        Assert.Equal(VerdictState.Closed, f.StateOf(WebFixture.Na));
        Assert.True(f.Seconds < 23.1, $"{f.Seconds - 21:0.0} s");
    }

    [Fact]
    public void Late_answers_among_others_that_come_in_time_are_no_black_hole()
    {
        var f = new WebFixture();
        f.Serve(20, 20);
        var held = new List<Placement>();
        for (var i = 0; i < 400; i++)
        {
            if (f.Place() is { MaySend: true } placement)
            {
                if (i % 4 == 0)
                    held.Add(placement);
                else
                    f.Answer(placement);
            }
            f.Advance(0.05);
        }
        Assert.NotEqual(VerdictState.Closed, f.StateOf(WebFixture.Na));
    }

    [Fact]
    public void Our_own_pause_makes_nothing_overdue()
    {
        var f = new WebFixture();
        f.Serve(20, 20);
        var held = Enumerable.Range(0, 30).Select(_ => f.Place()).ToList();
        f.Pause(5);
        Assert.Equal(VerdictState.Healthy, f.StateOf(WebFixture.Na));
        foreach (var placement in held)
            f.Answer(placement, latency: 5);
        f.Advance(1);
        Assert.Equal(VerdictState.Healthy, f.StateOf(WebFixture.Na));
    }

    [Fact]
    public void What_was_closed_for_silence_comes_back_at_once_when_it_answers()
    {
        var f = new WebFixture();
        f.Serve(20, 20);
        var held = new List<Placement>();
        while (f.StateOf(WebFixture.Na) != VerdictState.Closed)
        {
            held.Add(f.Place());
            f.Advance(0.05);
        }
        foreach (var placement in held.Where(p => p.MaySend && p.Site == WebFixture.Na))
            f.Answer(placement, latency: 2);
        Assert.Equal(VerdictState.Recovering, f.StateOf(WebFixture.Na));
    }

    [Fact]
    public void A_ticket_given_back_twice_or_of_nobody_does_nothing()
    {
        var f = new WebFixture();
        var first = f.Place();
        f.Answer(first);
        var second = f.Place();
        f.Board.Release(first, true, f.Now);
        f.Board.Release(first with { Ticket = 12345678 }, true, f.Now);
        Assert.Equal(1, f.Board.Snapshot(f.Now).Sites.Sum(s => s.InFlight));
        f.Answer(second);
        Assert.Equal(0, f.Board.Snapshot(f.Now).Sites.Sum(s => s.InFlight));
    }

    private struct Sink(List<int> due) : IOverdueSink
    {
        public readonly double Overdue(int target, OperationClass operation, AttemptPhase phase, double askedAt)
        {
            due.Add(target);
            return 0;
        }
    }

    /// <summary>Against a plain list: what is due is told once, at the tick after its time, never before.</summary>
    [Fact]
    public void The_wheel_tells_exactly_what_a_plain_list_would() => Gen.Select(Gen.Int[0, 3], Gen.Int[1, 3000])
        .Array[1, 60].Sample(acts =>
        {
            var watch = new OverdueWatch();
            var due = new List<int>();
            var sink = new Sink(due);
            var open = new Dictionary<int, (int Ticket, double DueAt)>();
            var now = 0.0;
            for (var i = 0; i < acts.Length; i++)
            {
                var (act, number) = acts[i];
                if (act <= 1)
                {
                    var ticket = watch.Take(new TargetId(i), OperationClass.Read, (uint)i, now);
                    watch.Expect(ticket, AttemptPhase.Answer, number * 0.1, now);
                    open[i] = (ticket, now + number * 0.1);
                }
                else if (act == 2 && open.Count > 0)
                {
                    var key = open.Keys.Min();
                    watch.Answer(open[key].Ticket);
                    watch.GiveBack(open[key].Ticket);
                    open.Remove(key);
                }
                else
                {
                    now += number * 0.05;
                    due.Clear();
                    watch.Tick(now, false, ref sink);
                    var early = open.Where(o => o.Value.DueAt <= now - 0.2).Select(o => o.Key);
                    Assert.All(early, k => Assert.Contains(k, due));
                    Assert.All(due, k => Assert.True(open[k].DueAt <= now));
                    foreach (var k in due)
                        open.Remove(k);
                }
            }
        });
}
