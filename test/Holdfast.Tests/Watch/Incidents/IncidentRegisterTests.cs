using CsCheck;
using Holdfast.Watch.Incidents;

namespace Holdfast.Tests.Watch.Incidents;

public class IncidentRegisterTests
{
    private static readonly DateTimeOffset s_begin = new(2026, 1, 22, 17, 45, 0, TimeSpan.Zero);
    private static readonly Dictionary<string, string> s_prefixes = new() { ["mail"] = "EX", ["store"] = "ST" };
    private static readonly TimeSpan s_step = TimeSpan.FromSeconds(10);
    private readonly IncidentOptions _options = new();
    private readonly IncidentRegister _register;
    private DateTimeOffset _now = s_begin;

    public IncidentRegisterTests() => _register = new(_options, s_prefixes, 1221364);

    [Fact]
    public void An_incident_opens_after_half_a_minute_and_not_before()
    {
        Assert.Empty(Hear(TimeSpan.FromSeconds(20), ("mail", "na", Severity.Down)));
        var opened = Assert.Single(Hear(s_step, ("mail", "na", Severity.Down)));
        Assert.Equal((IncidentAct.Opened, "EX1221364"), (opened.Act, opened.Incident.Id));
        Assert.Equal(IncidentStatus.ServiceInterruption, opened.Incident.Status);
        Assert.Equal("mail in na is down", opened.Words);
        Assert.Equal(s_begin + s_step, opened.Incident.Start);
    }

    [Fact]
    public void What_flickers_faster_than_that_never_opens_one()
    {
        for (var i = 0; i < 100; i++)
        {
            Assert.Empty(Hear(TimeSpan.FromSeconds(20), ("mail", "na", Severity.Down)));
            Assert.Empty(Hear(s_step));
        }
    }

    [Fact]
    public void Several_services_at_once_are_one_incident_with_MO()
    {
        var opened = Assert.Single(Hear(TimeSpan.FromSeconds(40), ("mail", "na", Severity.Down),
            ("store", "na", Severity.Degraded), ("teams", "eu", Severity.Down)), c => c.Incident.Id == "MO1221364");
        Assert.Equal(2, opened.Incident.Scopes.Count);
        Assert.Equal("XX1221365", _register.Incidents[1].Id);
    }

    [Fact]
    public void Another_region_soon_after_widens_it_and_one_much_later_does_not()
    {
        Hear(TimeSpan.FromMinutes(1), ("mail", "na", Severity.Down));
        Assert.Equal(IncidentAct.Widened, Assert.Single(Hear(TimeSpan.FromMinutes(20), ("mail", "na", Severity.Down),
            ("mail", "eu", Severity.Degraded))).Act);
        Assert.Equal("EX1221364", Assert.Single(_register.Incidents).Id);
        Hear(TimeSpan.FromMinutes(31), ("mail", "na", Severity.Down), ("mail", "eu", Severity.Degraded));
        Assert.Contains(Hear(TimeSpan.FromMinutes(1), ("mail", "na", Severity.Down), ("mail", "eu", Severity.Degraded),
            ("mail", "apac", Severity.Degraded)), c => c.Act == IncidentAct.Opened);
    }

    [Fact]
    public void What_joins_two_incidents_merges_the_younger_into_the_older()
    {
        Hear(TimeSpan.FromMinutes(1), ("mail", "na", Severity.Down), ("store", "eu", Severity.Down));
        Assert.Equal(2, _register.Incidents.Count);
        var changes = Hear(TimeSpan.FromMinutes(1), ("mail", "na", Severity.Down), ("store", "eu", Severity.Down),
            ("mail", "eu", Severity.Down));
        Assert.Equal([IncidentAct.Widened, IncidentAct.Merged], changes.Select(c => c.Act));
        Assert.Same(_register.Incidents[0], _register.Incidents[1].MergedInto);
        Assert.Equal(3, _register.Incidents[0].Scopes.Count);
    }

    [Fact]
    public void It_worsens_at_once_and_is_downgraded_recovers_and_closes_with_patience()
    {
        Hear(TimeSpan.FromMinutes(1), ("mail", "na", Severity.Degraded));
        Assert.Equal([IncidentAct.Worsened], Acts(TimeSpan.FromMinutes(1), ("mail", "na", Severity.Down)));
        Assert.Empty(Acts(TimeSpan.FromMinutes(5), ("mail", "na", Severity.Degraded)));
        Assert.Equal([IncidentAct.Downgraded], Acts(s_step, ("mail", "na", Severity.Degraded)));
        Assert.Empty(Acts(TimeSpan.FromMinutes(2)));
        Assert.Equal([IncidentAct.Recovering], Acts(s_step));
        Assert.Equal(IncidentStatus.VerifyingService, _register.Incidents[0].Status);
        Assert.Empty(Acts(TimeSpan.FromMinutes(15) - s_step));
        Assert.Equal([IncidentAct.Closed], Acts(s_step));
        Assert.Equal(IncidentStatus.ServiceRestored, _register.Incidents[0].Status);
    }

    [Fact]
    public void A_relapse_is_the_same_incident_and_so_is_one_within_an_hour_after_the_end()
    {
        Hear(TimeSpan.FromMinutes(1), ("mail", "na", Severity.Down));
        Hear(TimeSpan.FromMinutes(10));
        Assert.Equal([IncidentAct.Relapsed], Acts(TimeSpan.FromMinutes(1), ("mail", "na", Severity.Down)));
        Hear(TimeSpan.FromMinutes(30));
        Assert.False(_register.Incidents[0].IsOpen);
        Assert.Equal([IncidentAct.Reopened], Acts(TimeSpan.FromMinutes(1), ("mail", "na", Severity.Down)));
        Hear(TimeSpan.FromMinutes(120));
        Assert.Equal([IncidentAct.Opened], Acts(TimeSpan.FromMinutes(1), ("mail", "na", Severity.Down)));
        Assert.Equal(2, _register.Incidents.Count);
    }

    [Fact]
    public void A_reopened_incident_leaves_what_another_one_has_taken()
    {
        Hear(TimeSpan.FromMinutes(1), ("mail", "na", Severity.Down), ("store", "na", Severity.Down));
        Hear(TimeSpan.FromMinutes(20));
        Assert.False(_register.Incidents[0].IsOpen);
        Hear(TimeSpan.FromMinutes(1), ("store", "eu", Severity.Down));
        Hear(TimeSpan.FromMinutes(32), ("store", "eu", Severity.Down), ("store", "na", Severity.Down));
        Assert.Contains(Hear(TimeSpan.FromMinutes(1), ("store", "eu", Severity.Down), ("store", "na", Severity.Down),
            ("mail", "na", Severity.Down)), c => c.Act == IncidentAct.Reopened);
        Assert.Equal([new Scope("mail", "na")], _register.Incidents[0].Scopes.Keys);
        Assert.Equal(2, _register.Incidents[1].Scopes.Count);
    }

    [Fact]
    public void A_word_is_due_every_hour_while_it_is_open()
    {
        var acts = Acts(TimeSpan.FromMinutes(185), ("mail", "na", Severity.Down));
        Assert.Equal(3, acts.Count(a => a == IncidentAct.UpdateDue));
    }

    [Fact]
    public void A_clock_that_steps_back_changes_nothing()
    {
        Hear(TimeSpan.FromMinutes(1), ("mail", "na", Severity.Down));
        _now -= TimeSpan.FromHours(5);
        Assert.Empty(Hear(TimeSpan.FromMinutes(2), ("mail", "na", Severity.Down)));
        Assert.True(_register.Incidents[0].IsOpen);
    }

    [Fact]
    public void Whatever_is_said_each_bad_scope_is_in_one_open_incident_and_all_end_in_health() =>
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 3], Gen.Int[0, 2], Gen.Int[1, 200]).Array[1, 60].Sample(steps =>
        {
            var register = new IncidentRegister(new(), s_prefixes, 1);
            var (now, ids, bad) = (s_begin, new HashSet<string>(), new Dictionary<Scope, Severity>());
            foreach (var (service, region, severity, times) in steps)
            {
                bad[new($"s{service}", $"r{region}")] = (Severity)severity;
                for (var i = 0; i < times; i++)
                {
                    now += s_step;
                    foreach (var change in register.Hear(now, bad))
                    {
                        Assert.Equal(change.Act == IncidentAct.Opened, ids.Add(change.Incident.Id));
                        Assert.True(change.Incident.Start <= change.Incident.Opened);
                    }
                    Check(register, bad.Keys);
                }
            }
            for (var i = 0; i < 200; i++)
                register.Hear(now += s_step, new Dictionary<Scope, Severity>());
            Assert.All(register.Incidents, i => Assert.False(i.IsOpen));
        }, iter: 60);

    private static void Check(IncidentRegister register, IEnumerable<Scope> scopes)
    {
        foreach (var scope in scopes)
        {
            var homes = register.Incidents.Where(i => i.IsOpen && i.Scopes.ContainsKey(scope)).ToList();
            Assert.True(homes.Count <= 1);
            Assert.True(homes.Count == 1 || register.SettledOf(scope) == Severity.Healthy);
        }
        foreach (var incident in register.Incidents)
        {
            Assert.Equal(incident.Closed is not null, incident.Status == IncidentStatus.ServiceRestored);
            if (incident.IsOpen)
            {
                Assert.Equal(incident.Worst switch
                {
                    Severity.Down => IncidentStatus.ServiceInterruption,
                    Severity.Degraded => IncidentStatus.ServiceDegradation,
                    _ => IncidentStatus.VerifyingService,
                }, incident.Status);
            }
            Assert.True(incident.MergedInto is null || incident.MergedInto.Opened <= incident.Opened);
        }
    }

    private List<IncidentAct> Acts(TimeSpan time, params (string, string, Severity)[] bad) =>
        [.. Hear(time, bad).Select(c => c.Act)];

    private List<IncidentChange> Hear(TimeSpan time, params (string Service, string Region, Severity Severity)[] bad)
    {
        var said = bad.ToDictionary(b => new Scope(b.Service, b.Region), b => b.Severity);
        var changes = new List<IncidentChange>();
        for (var end = _now + time + (_now == s_begin ? s_step : TimeSpan.Zero); _now < end;)
            changes.AddRange(_register.Hear(_now += s_step, said));
        return changes;
    }
}
