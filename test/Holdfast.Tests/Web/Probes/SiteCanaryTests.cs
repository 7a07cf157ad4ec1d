using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;
using Holdfast.Web.Probes;

namespace Holdfast.Tests.Web.Probes;

public class SiteCanaryTests
{
    private static readonly string[] s_writeThenRead = ["PUT", "GET"];

    /// <summary>Targets that keep what is written and show it, or not.</summary>
    private static ProbeWorld Store(Func<bool> keeps, int writeStatus = 201)
    {
        var kept = new Dictionary<string, string>();
        var world = new ProbeWorld();
        world.Answer = async (_, message, path, _) =>
        {
            if (message.Method == HttpMethod.Get)
                return kept.TryGetValue(path, out var text) ? ProbeWorld.Says(200, text) : ProbeWorld.Says(404);
            if (keeps())
                kept[path] = await message.Content!.ReadAsStringAsync(CancellationToken.None);
            return ProbeWorld.Says(writeStatus);
        };
        // A site is judged for what it is asked.
        for (var i = 0; i < 20; i++)
        {
            var now = world.Time.GetElapsedTime(0);
            if (world.Board.Place(new PlacementRequest(new ServiceId(0), OperationClass.Read, 0, false, TargetId.None,
                CanWait: false), now) is { MaySend: true } p)
            {
                world.Board.Report(new TrafficOutcome(p.Target, OperationClass.Read, AttemptPhase.Answer,
                    FailureScope.None, TimeSpan.Zero) { Ticket = p.Ticket }, now);
                world.Board.Release(p, true, now);
            }
            world.Pass(TimeSpan.FromMilliseconds(100));
        }
        return world;
    }

    [Fact]
    public void What_is_written_at_one_target_is_read_at_another()
    {
        var world = Store(() => true);
        world.Finish(world.Canary().OnceAsync(CancellationToken.None));
        Assert.Equal(s_writeThenRead, world.Asked.Select(a => a.Message.Method.Method));
        Assert.NotEqual(world.Asked[0].Target, world.Asked[1].Target);
        Assert.Matches("^/canary/hfw-[0-9a-f]{16}-[0-9]{12}$", world.Asked[0].Path);
        Assert.Equal(world.Asked[0].Path, world.Asked[1].Path);
    }

    [Fact]
    public void A_site_that_takes_and_loses_is_closed_after_three_and_comes_back_when_it_keeps_again()
    {
        var keeps = true;
        var world = Store(() => keeps);
        using var stop = new CancellationTokenSource();
        var run = world.Canary().RunAsync(stop.Token);
        world.Pass(TimeSpan.FromSeconds(30));
        Assert.Equal(VerdictState.Healthy, world.Site.Verdict.State);
        keeps = false;
        world.Pass(TimeSpan.FromSeconds(29));
        Assert.Equal(VerdictState.Closed, world.Site.Verdict.State);
        Assert.Contains("canaries", world.Site.Verdict.Evidence, StringComparison.Ordinal);
        keeps = true;
        world.Pass(TimeSpan.FromSeconds(20));
        Assert.NotEqual(VerdictState.Closed, world.Site.Verdict.State);
        stop.Cancel();
        Assert.True(SpinWait.SpinUntil(() => run.IsCompletedSuccessfully, TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void A_loss_is_told_after_ten_seconds_once_three_have_passed_and_after_thirty_before()
    {
        var keeps = false;
        var world = Store(() => keeps);
        var canary = world.Canary();
        Assert.InRange(world.Finish(canary.OnceAsync(CancellationToken.None)).TotalSeconds, 29, 31.5);
        keeps = true;
        for (var i = 0; i < 3; i++)
            world.Finish(canary.OnceAsync(CancellationToken.None));
        keeps = false;
        Assert.InRange(world.Finish(canary.OnceAsync(CancellationToken.None)).TotalSeconds, 9, 11.5);
    }

    [Theory]
    [InlineData(405, 0)]
    [InlineData(403, 0)]
    [InlineData(429, 3)]
    [InlineData(500, 3)]
    public void A_write_that_is_refused_is_the_sites_fault_but_for_4xx(int status, int failures)
    {
        var world = Store(() => false, status);
        var canary = world.Canary();
        for (var i = 0; i < 3; i++)
            world.Finish(canary.OnceAsync(CancellationToken.None));
        Assert.Equal(failures == 3, world.Site.Verdict.State == VerdictState.Closed);
        Assert.Equal(3, world.Asked.Count);
    }

    [Fact]
    public void A_target_that_cannot_be_reached_is_passed_over_and_a_site_without_any_fails()
    {
        var down = new HashSet<int> { 0 };
        var world = Store(() => true);
        var inner = world.Answer;
        world.Answer = (target, message, path, abort) => down.Contains(target)
            ? throw new HttpRequestException(HttpRequestError.ConnectionError, "refused")
            : inner(target, message, path, abort);
        var canary = world.Canary();
        for (var i = 0; i < 6; i++)
            world.Finish(canary.OnceAsync(CancellationToken.None));
        Assert.Equal(1, world.Site.Weight);
        down.Add(1);
        for (var i = 0; i < 3; i++)
            world.Finish(canary.OnceAsync(CancellationToken.None));
        Assert.Equal(VerdictState.Closed, world.Site.Verdict.State);
    }

    [Fact]
    public void What_spans_a_pause_of_our_own_says_nothing()
    {
        var world = Store(() => false);
        world.PausedAt = TimeSpan.MaxValue;
        var canary = world.Canary();
        for (var i = 0; i < 4; i++)
            world.Finish(canary.OnceAsync(CancellationToken.None));
        Assert.Equal(VerdictState.Healthy, world.Site.Verdict.State);
        Assert.Equal(1, world.Site.Weight);
    }
}
