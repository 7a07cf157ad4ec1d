using System.Net.Http.Headers;
using Holdfast.Traffic.Health;
using Holdfast.Web.Probes;

namespace Holdfast.Tests.Web.Probes;

public class TargetProbeTests
{
    private static bool Once(ProbeWorld world, TargetProbe probe)
    {
        var task = probe.OnceAsync(CancellationToken.None);
        world.Finish(task);
        return task.GetAwaiter().GetResult();
    }

    [Fact]
    public void A_probe_says_who_asks_and_asks_what_the_options_say()
    {
        var world = new ProbeWorld();
        Once(world, world.Probe(world.Service(o => (o.Host, o.Method) = ("store.example", "POST")), 1));
        var (target, message, path) = Assert.Single(world.Asked);
        Assert.Equal(1, target);
        Assert.Equal("/healthz", path);
        Assert.Equal(HttpMethod.Post, message.Method);
        Assert.Equal("store.example", message.Headers.Host);
        Assert.Matches(@"^holdfast-probe/\d", message.Headers.UserAgent.ToString());
        Assert.Null(message.Headers.Authorization);
    }

    [Theory]
    [InlineData(200, true)]
    [InlineData(299, true)]
    [InlineData(300, false)]
    [InlineData(304, true)]
    [InlineData(503, false)]
    public void Status_decides(int status, bool isWell)
    {
        var world = new ProbeWorld { Answer = (_, _, _, _) => Task.FromResult(ProbeWorld.Says(status)) };
        var service = world.Service(o => o.ExpectStatus = "200-299, 304");
        service.Passed();
        Assert.Equal(!isWell, Once(world, world.Probe(service, 0)));
    }

    [Fact]
    public void Expected_text_is_looked_for_in_the_first_64_KiB_and_no_more_is_read()
    {
        var body = "";
        var world = new ProbeWorld { Answer = (_, _, _, _) => Task.FromResult(ProbeWorld.Says(200, body)) };
        var service = world.Service(o => o.ExpectBody = "all well");
        service.Passed();
        var probe = world.Probe(service, 0);
        Assert.True(Once(world, probe));
        body = "it is all well here";
        Assert.False(Once(world, probe));
        body = new string('x', 64 * 1024 - 8) + "all well";
        Assert.False(Once(world, probe));
        body = new string('x', 64 * 1024 - 7) + "all well";
        Assert.True(Once(world, probe));
    }

    [Fact]
    public void What_fails_closes_its_target_only_and_is_asked_each_half_second_until_it_is_back()
    {
        var isDown = false;
        var world = new ProbeWorld
        {
            Answer = (target, _, _, _) => isDown && target == 0
                ? throw new HttpRequestException(HttpRequestError.ConnectionError, "refused")
                : Task.FromResult(ProbeWorld.Says(200)),
        };
        var service = world.Service();
        using var stop = new CancellationTokenSource();
        Task[] runs = [world.Probe(service, 0).RunAsync(stop.Token), world.Probe(service, 1).RunAsync(stop.Token)];
        world.Pass(TimeSpan.FromSeconds(20));
        Assert.InRange(world.Asked.Count, 14, 26);
        isDown = true;
        world.Pass(TimeSpan.FromSeconds(5));
        Assert.Equal(VerdictState.Closed, world.StateOf(0));
        Assert.Equal(VerdictState.Healthy, world.StateOf(1));
        world.Asked.Clear();
        world.Pass(TimeSpan.FromSeconds(10));
        Assert.InRange(world.Asked.Count(a => a.Target == 0), 16, 25);
        Assert.InRange(world.Asked.Count(a => a.Target == 1), 3, 8);
        isDown = false;
        world.Pass(TimeSpan.FromSeconds(2));
        Assert.Equal(VerdictState.Recovering, world.StateOf(0));
        world.Pass(TimeSpan.FromSeconds(20));
        Assert.Equal(VerdictState.Healthy, world.StateOf(0));
        stop.Cancel();
        Assert.True(SpinWait.SpinUntil(() => runs.All(r => r.IsCompletedSuccessfully), TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void A_target_that_never_answers_fails_when_the_timeout_ends()
    {
        var world = new ProbeWorld
        {
            Answer = async (_, _, _, abort) =>
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, abort);
                return ProbeWorld.Says(200);
            },
        };
        var service = world.Service(o => o.Timeout = TimeSpan.FromSeconds(3));
        service.Passed();
        var task = world.Probe(service, 0).OnceAsync(CancellationToken.None);
        world.Pass(TimeSpan.FromSeconds(2.98));
        Assert.False(task.IsCompleted);
        world.Pass(TimeSpan.FromSeconds(0.05));
        Assert.True(SpinWait.SpinUntil(() => task.IsCompleted, TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void A_probe_that_no_target_ever_passed_is_not_believed()
    {
        var isWrong = true;
        var world = new ProbeWorld
        {
            Answer = (target, _, _, _) => Task.FromResult(ProbeWorld.Says(isWrong || target == 0 ? 404 : 200)),
        };
        var service = world.Service();
        var (first, second) = (world.Probe(service, 0), world.Probe(service, 1));
        for (var i = 0; i < 10; i++)
        {
            Assert.False(Once(world, first));
            Assert.False(Once(world, second));
        }
        Assert.Equal(VerdictState.Healthy, world.StateOf(0));
        isWrong = false;
        for (var i = 0; i < 10; i++)
        {
            Once(world, second);
            Once(world, first);
        }
        Assert.Equal(VerdictState.Closed, world.StateOf(0));
    }

    [Fact]
    public void Without_its_secret_nothing_is_asked_and_nobody_is_blamed()
    {
        var world = new ProbeWorld();
        var service = world.Service(o => o.AuthorizationFile = "/nowhere/secret");
        for (var i = 0; i < 5; i++)
            Assert.False(Once(world, world.Probe(service, 0)));
        Assert.Empty(world.Asked);
        Assert.Equal(VerdictState.Healthy, world.StateOf(0));
    }

    [Theory]
    [InlineData(2.0, false, 1.6, 2.4)]
    [InlineData(2.0, true, 0.4, 0.6)]
    [InlineData(0.2, true, 0.16, 0.24)]
    public void Waits_are_jittered_by_a_fifth(double interval, bool isInDoubt, double least, double most)
    {
        var world = new ProbeWorld();
        var probe = world.Probe(world.Service(o => o.Interval = TimeSpan.FromSeconds(interval)), 0);
        var waits = Enumerable.Range(0, 200).Select(_ => probe.Wait(isInDoubt).TotalSeconds).ToArray();
        Assert.All(waits, w => Assert.InRange(w, least, most));
        Assert.True(waits.Max() - waits.Min() > (most - least) / 2);
    }
}
