using Holdfast.Mail.Queue;
using Holdfast.Mail.Route;
using Holdfast.Tests.Mail.Route;
using Holdfast.Traffic;
using Holdfast.Traffic.Acts;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Shed;
using Holdfast.Traffic.Targets;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Mail.Queue;

public class RouteExplainerTests
{
    private static readonly Topology TwoSites = Topology.FromOptions(new TopologyOptions
    {
        Regions = [new() { Name = "na" }, new() { Name = "eu" }],
        Sites =
        [
            new() { Name = "mail-eu", Service = "mail", Region = "eu", Targets = [new() { Address = "127.0.0.1:2602" }] },
            new() { Name = "mail-na", Service = "mail", Region = "na", Targets = [new() { Address = "127.0.0.1:2601" }] },
        ],
    });

    /// <summary>A board whose picture the test gives; nothing can be placed on it.</summary>
    private sealed class PaintedBoard(VerdictState na, VerdictState eu, int naInFlight, TimeSpan now) : ITrafficBoard
    {
        public Topology Topology => TwoSites;
        public Placement Place(in PlacementRequest request, TimeSpan now) => throw new InvalidOperationException();
        public void Report(in TrafficOutcome outcome, TimeSpan now) => throw new InvalidOperationException();
        public void Release(in Placement placement, bool delivered, TimeSpan now) =>
            throw new InvalidOperationException();
        public bool IsClosed(ServiceId service) => false;
        public bool IsOverdue(in Placement placement) => false;
        public bool IsClosed(TargetId target, OperationClass operation) => throw new InvalidOperationException();
        public void Expect(in Placement placement, AttemptPhase phase, TimeSpan allowance, TimeSpan at) =>
            throw new InvalidOperationException();
        public Admission Admit(ServiceId service, byte priority, uint cohort, TimeSpan at) =>
            throw new InvalidOperationException();
        public void Withdraw(ServiceId service, TimeSpan at) => throw new InvalidOperationException();
        public void ReportCanary(SiteId site, bool passed, TimeSpan latency, TimeSpan at) =>
            throw new InvalidOperationException();
        public bool ReportProbe(in TrafficOutcome probe, TimeSpan at) => throw new InvalidOperationException();
        public ActPrediction Predict(in OperatorAct act, TimeSpan at) => throw new InvalidOperationException();
        public ActOutcome Apply(in OperatorAct act, TimeSpan at) => throw new InvalidOperationException();
        public IReadOnlyList<VerdictChange> Tick(TimeSpan now) => [];
        public void Reload(Topology topology, TimeSpan now) => throw new InvalidOperationException();

        public TrafficSnapshot Snapshot(TimeSpan at) => new(
        [
            Site("mail-eu", "eu", false, eu, "127.0.0.1:2602", 0),
            Site("mail-na", "na", true, na, "127.0.0.1:2601", naInFlight),
        ]);

        private SiteSnapshot Site(string name, string region, bool isHome, VerdictState state, string address,
            int inFlight)
        {
            var verdict = new Verdict(state, now - TimeSpan.FromMinutes(3), "40 of 40 RCPT answered 451 4.3.2");
            return new SiteSnapshot("mail", name, region, isHome, verdict, 2000, 0, 0, 1,
                [new TargetSnapshot(address, verdict, inFlight, 10, 0, default, TimeSpan.FromSeconds(4))]);
        }
    }

    private static async Task<RouteExplanation> Explain(string address, VerdictState na = VerdictState.Healthy,
        VerdictState eu = VerdictState.Healthy, int naInFlight = 0, params RouteRuleOptions[] rules)
    {
        var time = new FakeTimeProvider();
        var options = new SettableOptions<RouteOptions>(new RouteOptions { Rules = rules });
        using var routes = new RouteTableSource(options);
        var dns = new ScriptedDns().WithMx("mx.example", (10, "m1.example")).WithAddress("m1.example", "192.0.2.1");
        var mx = new MxResolver(dns, options, "us.example", new HashSet<System.Net.IPAddress>(), time, new Random(1));
        var board = new PaintedBoard(na, eu, naInFlight, time.GetElapsedTime(0));
        return await new RouteExplainer(routes, board, mx, time, () => 25)
            .ExplainAsync(address, TestContext.Current.CancellationToken);
    }

    private static RouteRuleOptions All => new() { Domain = "*", Service = "mail" };

    [Fact]
    public async Task The_home_site_is_used_while_it_is_healthy_and_has_room()
    {
        var found = await Explain("bob@example.com", rules: All);
        Assert.Equal(["mail-na", "mail-eu"], found.Steps.Select(s => s.Site));
        Assert.Equal([true, false], found.Steps.Select(s => s.WouldBeUsed));
        Assert.Equal("home region, healthy: the nearest with room", found.Steps[0].Why);
        Assert.Equal("region eu, healthy: used when mail-na is closed or full", found.Steps[1].Why);
        Assert.Equal("By rule 1 (*) to service mail, now at site mail-na (TLS opportunistic).", found.Summary);
    }

    [Fact]
    public async Task A_closed_site_is_told_with_its_evidence_and_next_test()
    {
        var found = await Explain("bob@example.com", na: VerdictState.Closed, rules: All);
        Assert.Equal([false, true], found.Steps.Select(s => s.WouldBeUsed));
        Assert.Equal("home region, closed for 3 min: 40 of 40 RCPT answered 451 4.3.2; tested again in 4 s",
            found.Steps[0].Why);
    }

    [Fact]
    public async Task A_full_site_yields_to_the_next()
    {
        var found = await Explain("bob@example.com", naInFlight: 10, rules: All);
        Assert.Equal([false, true], found.Steps.Select(s => s.WouldBeUsed));
        Assert.Contains("at its limit (10 of 10 in flight)", found.Steps[0].Why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_every_site_closed_the_mail_waits()
    {
        var found = await Explain("bob@example.com", VerdictState.Closed, VerdictState.Closed, rules: All);
        Assert.DoesNotContain(found.Steps, s => s.WouldBeUsed);
        Assert.Contains("it would wait", found.Summary, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Mx_routes_show_hosts_and_refusals()
    {
        var rule = new RouteRuleOptions { Domain = "*", Mx = true };
        var found = await Explain("bob@mx.example", rules: rule);
        Assert.Equal("192.0.2.1:25", Assert.Single(found.Steps).Target);
        Assert.Contains("would be refused: 550 5.1.2", (await Explain("bob@no.example", rules: rule)).Summary,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_domain_without_rule_is_told()
    {
        var found = await Explain("bob@example.com");
        Assert.Null(found.Rule);
        Assert.StartsWith("No rule matches example.com", found.Summary, StringComparison.Ordinal);
    }
}
