using System.Text.Json;
using Holdfast.Operator;
using Holdfast.Sim.Disks;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Journal;
using Holdfast.Tests.Mail.Deliver;
using Holdfast.Traffic;
using Holdfast.Traffic.Acts;
using Holdfast.Traffic.Targets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Operator;

public class TrafficDeskTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 22, 17, 45, 0, TimeSpan.Zero));
    private readonly MemoryJournal _journal = new();

    private static TopologyOptions Topo(string region = "na") => new()
    {
        HomeRegion = "na",
        Regions = [new() { Name = "na" }, new() { Name = "eu" }],
        Sites =
        [
            new() { Name = "mail-na", Service = "mail", Region = "na", CapacityPerSecond = 100,
                Targets = [new() { Address = "127.0.0.1:2601" }] },
            new() { Name = region == "na" ? "mail-eu" : "eu", Service = "mail", Region = "eu", CapacityPerSecond = 100,
                Targets = [new() { Address = "127.0.0.1:2602" }] },
        ],
    };

    private TrafficDesk Desk(IDisk disk, TopologyOptions? topology = null) => new(
        new TrafficBoard(Topology.FromOptions(topology ?? Topo()), new TrafficOptions(), new Random(1)),
        new ActFile(disk), _journal, _time, NullLogger<TrafficDesk>.Instance);

    private static TrafficActRequest Drain(string name, double? seconds = 3600) =>
        new(ActKind.Drain, name, ForSeconds: seconds);

    private static ActOutcome Do(TrafficDesk desk, TrafficActRequest request)
    {
        var act = desk.Read(request, "uid 1000", out var problem);
        Assert.Null(problem);
        return desk.Apply(act);
    }

    [Theory]
    [InlineData("na", ActScope.Region)]
    [InlineData("MAIL-NA", ActScope.Site)]
    [InlineData("mail-na/127.0.0.1:2601", ActScope.Target)]
    public void A_name_says_what_an_act_is_about(string name, ActScope scope)
    {
        var act = Desk(new SimulatedDisk()).Read(Drain(name), "uid 0", out var problem);
        Assert.Null(problem);
        Assert.Equal(scope, act.Scope);
    }

    [Fact]
    public void A_name_that_is_a_site_and_a_region_needs_a_scope()
    {
        var desk = Desk(new SimulatedDisk(), Topo("eu"));
        desk.Read(Drain("eu"), "uid 0", out var problem);
        Assert.Contains("--scope", problem, StringComparison.Ordinal);
        var act = desk.Read(Drain("eu") with { Scope = ActScope.Region }, "uid 0", out problem);
        Assert.Null(problem);
        Assert.Equal(ActScope.Region, act.Scope);
    }

    [Fact]
    public void An_unknown_name_is_refused_with_the_nearest_one()
    {
        Desk(new SimulatedDisk()).Read(Drain("mail-n"), "uid 0", out var problem);
        Assert.Contains("mail-na", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(0.99, false)]
    [InlineData(30 * 86_400, true)]
    [InlineData(30 * 86_400 + 1, false)]
    [InlineData(double.NaN, false)]
    public void An_act_holds_from_a_second_to_thirty_days(double seconds, bool isTaken)
    {
        Desk(new SimulatedDisk()).Read(Drain("na", seconds), "uid 0", out var problem);
        Assert.Equal(isTaken, problem is null);
    }

    [Theory]
    [InlineData(0.0, true)]
    [InlineData(1.0, true)]
    [InlineData(-0.01, false)]
    [InlineData(1.01, false)]
    [InlineData(double.NaN, false)]
    [InlineData(null, false)]
    public void A_weight_is_from_zero_to_one(double? weight, bool isTaken)
    {
        Desk(new SimulatedDisk()).Read(new(ActKind.Weight, "na", Weight: weight), "uid 0", out var problem);
        Assert.Equal(isTaken, problem is null);
    }

    [Fact]
    public void A_reason_has_its_bound()
    {
        var desk = Desk(new SimulatedDisk());
        desk.Read(Drain("na") with { Reason = new string('x', TrafficDesk.ReasonCharsMax) }, "uid 0", out var problem);
        Assert.Null(problem);
        desk.Read(Drain("na") with { Reason = new string('x', TrafficDesk.ReasonCharsMax + 1) }, "uid 0", out problem);
        Assert.NotNull(problem);
    }

    [Fact]
    public void An_act_is_in_the_evidence_with_its_actor_and_reason()
    {
        Do(Desk(new SimulatedDisk()), Drain("mail-na") with { Reason = "maintenance 4711" });
        var record = Assert.Single(_journal.Records, r => r.Kind == EvidenceKind.OperatorAct);
        Assert.Equal("uid 1000", record.Actor);
        Assert.Equal("mail-na", record.Site);
        Assert.StartsWith("drain mail-na for 1h", record.Reason, StringComparison.Ordinal);
        Assert.EndsWith("Because: maintenance 4711", record.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_drained_stays_drained_over_a_restart_until_it_expires()
    {
        var disk = new SimulatedDisk();
        Assert.True(Do(Desk(disk), Drain("mail-na")).IsApplied);
        _time.Advance(TimeSpan.FromMinutes(20));
        var after = Desk(disk);
        after.Restore();
        var act = Assert.Single(after.Acts());
        Assert.Equal((ActKind.Drain, ActScope.Site, "mail-na", "uid 1000"), (act.Kind, act.Scope, act.Name, act.Actor));
        Assert.Equal(_time.GetUtcNow() + TimeSpan.FromMinutes(40), act.Until, TimeSpan.FromSeconds(1));
        _time.Advance(TimeSpan.FromMinutes(41));
        var later = Desk(disk);
        later.Restore();
        Assert.Empty(later.Acts());
    }

    [Fact]
    public void What_was_taken_back_stays_taken_back_over_a_restart()
    {
        var disk = new SimulatedDisk();
        var desk = Desk(disk);
        Do(desk, Drain("mail-na"));
        Assert.True(Do(desk, new(ActKind.Undrain, "mail-na")).IsApplied);
        var after = Desk(disk);
        after.Restore();
        Assert.Empty(after.Acts());
    }

    [Fact]
    public void A_disk_that_refuses_leaves_the_act_in_force_and_says_so()
    {
        Assert.True(DiskFault.TryParse("fdatasync:0:9:5", out var faults));
        var desk = Desk(new FaultyDisk(new SimulatedDisk(), faults));
        var outcome = Do(desk, Drain("mail-na"));
        Assert.True(outcome.IsApplied);
        Assert.Contains("restart will forget it", outcome.Sentence, StringComparison.Ordinal);
        Assert.Single(desk.Acts());
    }

    [Theory]
    [InlineData("")]
    [InlineData("not json")]
    [InlineData("[null]")]
    [InlineData("[{}]")]
    [InlineData("[{\"kind\":\"Nonsense\",\"name\":\"mail-na\"}]")]
    [InlineData("[{\"kind\":77,\"scope\":99,\"name\":\"mail-na\",\"until\":\"2027-01-01T00:00:00Z\"}]")]
    [InlineData("[{\"kind\":\"Drain\",\"scope\":\"Site\",\"name\":\"gone\",\"until\":\"2026-01-23T00:00:00Z\"}]")]
    public void A_damaged_file_or_an_act_on_what_is_gone_prevents_no_start(string content)
    {
        var disk = new SimulatedDisk();
        using (var file = disk.Open(ActFile.Name, DiskOpenMode.CreateNew))
            file.Write(0, System.Text.Encoding.UTF8.GetBytes(content));
        var desk = Desk(disk);
        desk.Restore();
        Assert.Empty(desk.Acts());
        Assert.True(Do(desk, Drain("mail-na")).IsApplied);
        var after = Desk(disk);
        after.Restore();
        Assert.Single(after.Acts());
    }

    [Fact]
    public void A_file_too_large_to_be_ours_is_not_read()
    {
        var disk = new SimulatedDisk();
        using (var file = disk.Open(ActFile.Name, DiskOpenMode.CreateNew))
            file.Write(0, new byte[ActFile.BytesMax + 1]);
        Assert.Throws<JsonException>(() => new ActFile(disk).Read());
    }
}
