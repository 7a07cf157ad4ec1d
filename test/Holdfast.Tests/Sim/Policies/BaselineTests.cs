using Holdfast.Sim.Policies;
using Holdfast.Sim.Scenarios;
using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Tests.Sim.Policies;

/// <summary>Each baseline keeps to the defaults that are published for it.</summary>
public class BaselineTests
{
    private static readonly ServiceId Service = new(0);

    [Fact]
    public void Round_robin_takes_turns_near_and_far()
    {
        var policy = Create("round-robin", 2, 2);
        Assert.Equal([0, 1, 2, 3, 0, 1, 2, 3], Enumerable.Range(0, 8).Select(_ => Send(policy, 0).Target.Value));
    }

    [Fact]
    public void Haproxy_takes_a_server_out_at_the_third_failed_check_and_back_at_the_second_good_one()
    {
        var policy = Create("haproxy", 1, 1);
        var near = new TargetId(0);
        policy.ReportProbe(near, false, At(2));
        policy.ReportProbe(near, false, At(4));
        Assert.Equal(0, Send(policy, 5).Target.Value);
        policy.ReportProbe(near, false, At(6));
        Assert.Equal(1, Send(policy, 7).Target.Value);
        policy.ReportProbe(near, true, At(8));
        Assert.Equal(1, Send(policy, 9).Target.Value);
        policy.ReportProbe(near, true, At(10));
        Assert.Equal(0, Send(policy, 11).Target.Value);
    }

    [Fact]
    public void Haproxy_forgets_failed_checks_at_a_good_one()
    {
        var policy = Create("haproxy", 1, 1);
        foreach (var connected in new[] { false, false, true, false, false })
            policy.ReportProbe(new TargetId(0), connected, At(2));
        Assert.Equal(0, Send(policy, 12).Target.Value);
    }

    [Fact]
    public void Haproxy_does_not_look_at_answers()
    {
        var policy = Create("haproxy", 1, 1);
        for (var i = 0; i < 50; i++)
            policy.Report(Failure(0), At(i));
        Assert.Equal(0, Send(policy, 60).Target.Value);
    }

    [Fact]
    public void Haproxy_prefers_the_server_with_fewer_connections_and_queues_when_all_are_full()
    {
        var policy = Create("haproxy", 2, 1, concurrencyMax: 2);
        var first = Send(policy, 0);
        var second = Send(policy, 0);
        Assert.NotEqual(first.Target, second.Target);
        Send(policy, 0);
        Send(policy, 0);
        var full = Send(policy, 0);
        Assert.Equal((PlacementKind.Wait, WaitReason.Saturated), (full.Kind, full.Wait));
        policy.Release(first, true, At(1));
        Assert.Equal(first.Target, Send(policy, 1).Target);
    }

    [Fact]
    public void Haproxy_retries_failed_connections_three_times_and_nothing_else()
    {
        var policy = Create("haproxy", 2, 1);
        Assert.True(policy.MayRetry(Refused(0), 3, At(0)));
        Assert.False(policy.MayRetry(Refused(0), 4, At(0)));
        Assert.False(policy.MayRetry(Failure(0), 1, At(0)));
    }

    [Fact]
    public void Nginx_leaves_a_server_out_for_ten_seconds_after_one_failed_connection()
    {
        var policy = Create("nginx", 1, 1);
        policy.Report(Refused(0), At(100));
        Assert.Equal(1, Send(policy, 101).Target.Value);
        Assert.Equal(1, Send(policy, 110).Target.Value);
        Assert.Equal(0, Send(policy, 110.1).Target.Value);
        // One request tries it; until that is answered the others go on elsewhere.
        Assert.Equal(1, Send(policy, 110.2).Target.Value);
        policy.Report(Success(0), At(110.3));
        Assert.Equal(0, Send(policy, 110.4).Target.Value);
    }

    [Fact]
    public void Nginx_counts_no_answer_with_500_and_passes_it_on()
    {
        var policy = Create("nginx", 1, 1);
        for (var i = 0; i < 20; i++)
            policy.Report(Failure(0), At(i));
        Assert.Equal(0, Send(policy, 21).Target.Value);
        Assert.False(policy.MayRetry(Failure(0), 1, At(21)));
        Assert.True(policy.MayRetry(Stalled(0), 1, At(21)));
    }

    [Fact]
    public void Nginx_takes_all_for_alive_when_all_are_out()
    {
        var policy = Create("nginx", 1, 1);
        policy.Report(Refused(0), At(1));
        policy.Report(Refused(1), At(1));
        Assert.Equal(PlacementKind.Wait, Send(policy, 2).Kind);
        Assert.Equal(0, Send(policy, 2).Target.Value);
    }

    [Fact]
    public void Linkerd_trips_at_the_seventh_failure_in_a_row_and_probes_with_one_request()
    {
        var policy = Create("linkerd", 2, 0);
        for (var i = 0; i < 6; i++)
            policy.Report(Failure(0), At(1));
        Assert.Contains(0, Targets(policy, 1.01, 40));
        policy.Report(Failure(0), At(1.02));
        Assert.DoesNotContain(0, Targets(policy, 1.5, 40));
        // 1 s and up to half as much again.
        Assert.Single(Targets(policy, 2.6, 200), 0);
        policy.Report(Failure(0), At(2.7));
        Assert.DoesNotContain(0, Targets(policy, 4.6, 100));
        Assert.Single(Targets(policy, 5.8, 200), 0);
        policy.Report(Success(0), At(5.9));
        Assert.True(Targets(policy, 6, 100).Count(t => t == 0) > 1);
    }

    [Fact]
    public void Linkerd_sends_where_latency_times_load_is_less()
    {
        var policy = Create("linkerd", 2, 0);
        policy.Report(Success(0, latency: 0.4), At(1));
        policy.Report(Success(1, latency: 0.04), At(1));
        var counts = Enumerable.Range(0, 20).Select(_ => Send(policy, 1.1).Target.Value).ToList();
        Assert.InRange(counts.Count(t => t == 1), 17, 20);
    }

    [Fact]
    public void Linkerd_retries_within_a_fifth_and_ten_a_second()
    {
        var policy = Create("linkerd", 2, 0);
        var granted = Enumerable.Range(0, 300).Count(_ => policy.MayRetry(Failure(0), 1, At(1)));
        Assert.Equal(100, granted);
        for (var i = 0; i < 500; i++)
            policy.Release(Send(policy, 20), true, At(20));
        Assert.Equal(200, Enumerable.Range(0, 300).Count(_ => policy.MayRetry(Failure(0), 1, At(20))));
        Assert.False(policy.MayRetry(Failure(0), 2, At(60)));
    }

    [Fact]
    public void Envoy_ejects_at_the_fifth_5xx_in_a_row_and_brings_back_after_thirty_seconds()
    {
        var policy = Create("envoy", 10, 0);
        for (var i = 0; i < 4; i++)
            policy.Report(Failure(0), At(1));
        Assert.Contains(0, Targets(policy, 1, 10));
        policy.Report(Failure(0), At(1));
        Assert.DoesNotContain(0, Targets(policy, 2, 10));
        policy.Tick(At(30));
        Assert.DoesNotContain(0, Targets(policy, 30, 10));
        policy.Tick(At(40));
        Assert.Contains(0, Targets(policy, 40, 10));
    }

    [Fact]
    public void Envoy_ejects_a_tenth_at_most_but_always_one()
    {
        var policy = Create("envoy", 4, 0);
        for (var i = 0; i < 5; i++)
        {
            policy.Report(Failure(0), At(1));
            policy.Report(Failure(1), At(1));
        }
        Assert.Equal([1, 2, 3], Targets(policy, 2, 12).Distinct().Order());
    }

    [Fact]
    public void Envoy_ejects_who_falls_below_mean_less_1_9_deviations_in_a_sweep()
    {
        var policy = Create("envoy", 10, 0);
        for (var i = 0; i < 200; i++)
        {
            for (var target = 0; target < 10; target++)
                policy.Report(target == 3 && i % 3 == 0 ? Failure(target) : Success(target), At(1));
        }
        Assert.Contains(3, Targets(policy, 9, 10));
        policy.Tick(At(10));
        Assert.DoesNotContain(3, Targets(policy, 11, 20));
    }

    [Fact]
    public void Envoy_spills_to_the_next_level_below_72_percent_and_panics_below_half()
    {
        var loads = new[] { 1.4 * 0.5, 1.0 };
        Assert.True(PriorityLevels.Share(loads, 1, _ => 0));
        Assert.Equal(0.7, loads[0], 1e-9);
        Assert.Equal(0.3, loads[1], 1e-9);
        loads = [0.28, 0.28];
        Assert.True(PriorityLevels.Share(loads, 0.56, _ => 0));
        Assert.Equal(0.5, loads[0], 1e-9);
        loads = [0, 0];
        Assert.True(PriorityLevels.Share(loads, 0, i => i == 0 ? 0.75 : 0.25));
        Assert.Equal(0.75, loads[0]);
        Assert.False(PriorityLevels.Share(new double[1], 0, _ => 0));
    }

    [Fact]
    public void Envoy_keeps_to_three_retries_at_once()
    {
        var policy = Create("envoy", 3, 0);
        Placement[] retries = [.. Enumerable.Range(0, 3).Select(_ => Send(policy, 1, attempt: 1))];
        Assert.False(policy.MayRetry(Failure(0), 1, At(1)));
        policy.Release(retries[0], true, At(1));
        Assert.True(policy.MayRetry(Failure(0), 1, At(1)));
        Assert.False(policy.MayRetry(Failure(0), 2, At(1)));
    }

    [Fact]
    public void Without_a_manager_everything_goes_home_whatever_comes_back()
    {
        var policy = Create("no-manager", 2, 2);
        for (var i = 0; i < 100; i++)
        {
            policy.Report(Failure(i % 2), At(i));
            policy.Report(Refused(i % 2), At(i));
        }
        Assert.Equal([0, 1], Targets(policy, 101, 10).Distinct().Order());
    }

    [Fact]
    public void Without_a_manager_mail_goes_to_the_next_MX_only_when_no_connection_came_about()
    {
        var policy = Create("no-manager", 1, 1);
        var refused = Refused(0) with { Operation = OperationClass.MailDelivery };
        Assert.Equal(TimeSpan.Zero, policy.RetryDelay(refused, true, 1, 0));
        Assert.Equal(1, Send(policy, 1, attempt: 1, avoid: 0, OperationClass.MailDelivery).Target.Value);
        var deferred = Failure(0) with { Operation = OperationClass.MailDelivery, Phase = AttemptPhase.Rcpt };
        Assert.Equal(TimeSpan.FromSeconds(300), policy.RetryDelay(deferred, true, 1, 0));
        Assert.Equal(TimeSpan.FromSeconds(600), policy.RetryDelay(deferred, true, 2, 0));
        Assert.Equal(TimeSpan.FromSeconds(4000), policy.RetryDelay(deferred, true, 9, 0));
    }

    [Fact]
    public void Without_a_manager_a_destination_that_refused_all_sessions_is_dead_for_five_minutes()
    {
        var policy = Create("no-manager", 1, 1);
        policy.Report(Refused(0) with { Operation = OperationClass.MailDelivery }, At(1));
        policy.Report(Refused(1) with { Operation = OperationClass.MailDelivery }, At(1));
        Assert.Equal(PlacementKind.Wait, Send(policy, 300, 0, -1, OperationClass.MailDelivery).Kind);
        Assert.Equal(PlacementKind.Send, Send(policy, 301.1, 0, -1, OperationClass.MailDelivery).Kind);
    }

    [Fact]
    public void Twenty_mails_at_once_go_to_one_destination_as_from_Postfix()
    {
        var policy = Create("round-robin", 2, 2);
        var placed = Enumerable.Range(0, 20).Select(_ => Send(policy, 1, 0, -1, OperationClass.MailDelivery)).ToList();
        Assert.All(placed, p => Assert.True(p.MaySend));
        Assert.Equal(WaitReason.Saturated, Send(policy, 1, 0, -1, OperationClass.MailDelivery).Wait);
        policy.Release(placed[0], true, At(2));
        Assert.True(Send(policy, 2, 0, -1, OperationClass.MailDelivery).MaySend);
    }

    [Theory]
    [InlineData("round-robin")]
    [InlineData("haproxy")]
    [InlineData("nginx")]
    [InlineData("linkerd")]
    [InlineData("envoy")]
    public void A_drain_by_hand_holds_until_it_expires(string name)
    {
        var policy = Create(name, 2, 2);
        policy.Act(new PolicyAct(ActKind.Drain, new SiteId(0), TargetId.None, 1, TimeSpan.FromSeconds(10)), At(1));
        Assert.All(Targets(policy, 5, 20), t => Assert.InRange(t, 2, 3));
        Assert.Contains(Targets(policy, 11.5, 40), t => t < 2);
    }

    [Theory]
    [InlineData("no-manager")]
    [InlineData("round-robin")]
    [InlineData("haproxy")]
    [InlineData("nginx")]
    [InlineData("linkerd")]
    [InlineData("envoy")]
    public void Releases_bring_what_is_in_flight_back_to_nothing(string name)
    {
        var policy = Create(name, 2, 2, concurrencyMax: 1);
        for (var round = 0; round < 3; round++)
        {
            var placed = Enumerable.Range(0, 2).Select(_ => Send(policy, round)).ToList();
            Assert.All(placed, p => Assert.True(p.MaySend));
            placed.ForEach(p => policy.Release(p, true, At(round)));
        }
    }

    private static ITrafficPolicy Create(string name, int near, int far, int concurrencyMax = 100)
    {
        var options = new TopologyOptions
        {
            Regions = [new RegionOptions { Name = "na" }, new RegionOptions { Name = "eu" }],
            Sites = [Site("web-na", "na", near), .. far > 0 ? [Site("web-eu", "eu", far)] : Array.Empty<SiteOptions>()],
        };
        return PolicyTable.Find(name)!.Create(Topology.FromOptions(options), new TrafficOptions(), 1, new Random(7));

        SiteOptions Site(string site, string region, int count) => new()
        {
            Name = site, Service = "web", Region = region,
            Targets = [.. Enumerable.Range(1, count).Select(i =>
                new TargetOptions { Address = $"192.0.2.{i}:80", ConcurrencyMax = concurrencyMax })],
        };
    }

    private static Placement Send(ITrafficPolicy policy, double at, int attempt = 0, int avoid = -1,
        OperationClass operation = OperationClass.Read) =>
        policy.Place(new PlacementRequest(Service, operation, 2, false, new TargetId(avoid), null, (byte)attempt,
            operation == OperationClass.MailDelivery), 0, At(at));

    /// <summary>Where requests go that are answered at once.</summary>
    private static List<int> Targets(ITrafficPolicy policy, double at, int count)
    {
        var placed = Enumerable.Range(0, count).Select(_ => Send(policy, at)).ToList();
        // All are in flight together, so that a probe stays the only one.
        placed.ForEach(p => policy.Release(p, true, At(at)));
        return [.. placed.Select(p => p.Target.Value)];
    }

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);

    private static TrafficOutcome Success(int target, double latency = 0.02) => new(new TargetId(target),
        OperationClass.Read, AttemptPhase.Answer, FailureScope.None, TimeSpan.FromSeconds(latency));

    private static TrafficOutcome Failure(int target) => new(new TargetId(target), OperationClass.Read,
        AttemptPhase.Answer, FailureScope.Target, TimeSpan.FromMilliseconds(20), "500 Internal Server Error");

    private static TrafficOutcome Refused(int target) => new(new TargetId(target), OperationClass.Read,
        AttemptPhase.Connect, FailureScope.Target, TimeSpan.FromMilliseconds(1), "connection refused");

    private static TrafficOutcome Stalled(int target) => new(new TargetId(target), OperationClass.Read,
        AttemptPhase.Answer, FailureScope.Target, TimeSpan.FromSeconds(10), TrafficDetail.Stall + "10 s");
}
