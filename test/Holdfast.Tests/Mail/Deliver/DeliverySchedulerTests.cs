using System.Runtime.CompilerServices;
using Holdfast.Mail.Deliver;
using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;
using Holdfast.Traffic;
using Holdfast.Traffic.Acts;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Shed;
using Holdfast.Traffic.Targets;

namespace Holdfast.Tests.Mail.Deliver;

public class DeliverySchedulerTests
{
    /// <summary>Answers as the test says; by default everything may go to the only target.</summary>
    private sealed class ScriptedBoard : ITrafficBoard
    {
        public Func<PlacementRequest, Placement> Answer { get; set; } = _ => Send;
        public bool Closed { get; set; }
        public static Placement Send => new(PlacementKind.Send, new TargetId(0), new SiteId(0), false, WaitReason.None,
            TimeSpan.Zero);
        public static Placement Wait(WaitReason reason) => new(PlacementKind.Wait, TargetId.None, default, false,
            reason, TimeSpan.FromSeconds(1));

        public Topology Topology { get; } = Topology.FromOptions(new TopologyOptions
        {
            Regions = [new RegionOptions { Name = "na" }],
            Sites = [new SiteOptions { Name = "s", Service = "mail", Region = "na",
                Targets = [new TargetOptions { Address = "127.0.0.1:25" }] }],
        });
        public Placement Place(in PlacementRequest request, TimeSpan now) => Answer(request);
        public void Report(in TrafficOutcome outcome, TimeSpan now) { }
        public List<Placement> Released { get; } = [];
        public void Release(in Placement placement, bool delivered, TimeSpan now) => Released.Add(placement);
        public bool IsClosed(ServiceId service) => Closed;
        public bool IsOverdue(in Placement placement) => false;
        public bool IsClosed(TargetId target, OperationClass operation) => Closed;
        public void Expect(in Placement placement, AttemptPhase phase, TimeSpan allowance, TimeSpan now) { }
        public Admission Admit(ServiceId service, byte priority, uint cohort, TimeSpan now) => default;
        public void Withdraw(ServiceId service, TimeSpan now) { }
        public void ReportCanary(SiteId site, bool passed, TimeSpan latency, TimeSpan now) { }
        public bool ReportProbe(in TrafficOutcome probe, TimeSpan now) => false;
        public ActPrediction Predict(in OperatorAct act, TimeSpan now) => new(false, "", 0, 0, []);
        public ActOutcome Apply(in OperatorAct act, TimeSpan now) => new(false, "");
        public IReadOnlyList<VerdictChange> Tick(TimeSpan now) => [];
        public void Reload(Topology topology, TimeSpan now) { }
        public TrafficSnapshot Snapshot(TimeSpan now) => new([]);
    }

    private readonly ScriptedBoard _board = new();
    private readonly DeliveryScheduler _scheduler;
    private readonly DeliveryRoute _route;
    private TimeSpan _now = TimeSpan.FromHours(1);
    private int _slots;

    public DeliverySchedulerTests()
    {
        _scheduler = new DeliveryScheduler(new DeliveryPlacements(_board), new DeliverOptions(), new Random(1), _now);
        _route = _scheduler.RouteFor(new RouteDecision(new MailRoute { Name = "mail", Rule = "*", Service = "mail" },
            "mail", "mail"));
    }

    private SpoolHandle Add(byte priority = 3, ushort tenant = 0, bool backlog = false, TimeSpan delay = default)
    {
        var handle = new SpoolHandle(_slots++, 1);
        _scheduler.Arrive(new WaitingMessage(handle, default, priority, 1, 100, false, false), null, TimeSpan.Zero,
            _now);
        Assert.True(_scheduler.TryClaim(handle));
        _scheduler.Plan(handle, [Entry(tenant, backlog, delay)], false, MessageProgress.ForNew(1), _now);
        return handle;
    }

    private PlannedEntry Entry(ushort tenant = 0, bool backlog = false, TimeSpan delay = default) =>
        new(_route, delay, backlog ? 1 : 0, false, backlog, false, -1, -1, 0, tenant);

    private List<SpoolHandle> TakeAll()
    {
        var taken = new List<SpoolHandle>();
        while (_scheduler.TryTake(_now, null, out var one, out _))
            taken.Add(one.Handle);
        return taken;
    }

    [Fact]
    public void The_more_important_goes_first_and_fresh_mail_before_backlog()
    {
        var (old, normal, low, top) = (Add(backlog: true), Add(), Add(priority: 5), Add(priority: 0));
        Assert.Equal([top, normal, old, low], TakeAll());
    }

    [Fact]
    public void Tenants_take_turns()
    {
        var a = Enumerable.Range(0, 3).Select(_ => Add(tenant: 1)).ToList();
        var b = Add(tenant: 2);
        var taken = TakeAll();
        Assert.Equal(4, taken.Count);
        Assert.True(taken.IndexOf(b) <= 1, "one tenant's mail stood in another's way");
        Assert.Equal(a, taken.Where(t => t != b));
    }

    [Fact]
    public void Backlog_that_gets_no_place_does_not_hold_fresh_mail_up()
    {
        _board.Answer = r => r.IsBacklog ? ScriptedBoard.Wait(WaitReason.Saturated) : ScriptedBoard.Send;
        Add(priority: 0, backlog: true);
        var fresh = Add(priority: 5);
        Assert.Equal([fresh], TakeAll());
    }

    [Fact]
    public void Mail_that_came_while_its_destination_was_closed_does_not_stand_before_what_comes_at_the_return()
    {
        _board.Closed = true;
        for (var i = 0; i < 3000; i++)
            Add();
        _now += TimeSpan.FromSeconds(6);
        _scheduler.Tick(_now);
        _board.Closed = false;
        var fresh = Add();
        var asked = new List<bool>();
        _board.Answer = r =>
        {
            asked.Add(r.IsBacklog);
            return ScriptedBoard.Send;
        };
        Assert.True(_scheduler.TryTake(_now, null, out var first, out _));
        Assert.True(_scheduler.TryTake(_now, null, out _, out _));
        Assert.Equal(fresh, first.Handle);
        Assert.Equal([false, true], asked);
    }

    [Fact]
    public void What_came_at_the_return_and_could_not_go_yet_stands_before_what_waited_in_the_dark_later_mail_behind_it()
    {
        _scheduler.Tick(_now);
        _board.Closed = true;
        _scheduler.Tick(_now);
        var dark = Add();
        _now += TimeSpan.FromSeconds(60);
        _scheduler.Tick(_now);
        _board.Closed = false;
        _scheduler.Tick(_now);
        var atReturn = Add();
        _now += TimeSpan.FromSeconds(6);
        _scheduler.Tick(_now);
        _now += TimeSpan.FromSeconds(60);
        var later = Add();
        _now += TimeSpan.FromSeconds(6);
        _scheduler.Tick(_now);
        Assert.Equal([atReturn, dark, later], TakeAll());
    }

    [Fact]
    public void Fresh_mail_becomes_backlog_with_time()
    {
        var asked = new List<bool>();
        _board.Answer = r =>
        {
            asked.Add(r.IsBacklog);
            return ScriptedBoard.Send;
        };
        Add();
        _now += TimeSpan.FromSeconds(11);
        TakeAll();
        Assert.Equal([true], asked);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    public void The_target_that_failed_it_is_avoided_by_the_next_attempt_at_once_and_not_by_one_after_a_wait(int seconds)
    {
        var avoided = new List<TargetId>();
        _board.Answer = r =>
        {
            avoided.Add(r.Avoid);
            return ScriptedBoard.Send;
        };
        var handle = Add();
        _scheduler.TryTake(_now, null, out _, out _);
        _scheduler.Plan(handle, [Entry(delay: TimeSpan.FromSeconds(seconds)) with { Avoid = 0, Moves = 3 }], false,
            MessageProgress.ForNew(1), _now);
        _now += TimeSpan.FromSeconds(seconds);
        _scheduler.Tick(_now);
        Assert.True(_scheduler.TryTake(_now, null, out _, out _));
        Assert.Equal(seconds == 0 ? new TargetId(0) : TargetId.None, avoided[^1]);
    }

    [Fact]
    public void Deferred_mail_comes_back_when_its_time_has_come_and_not_before()
    {
        var handle = Add(delay: TimeSpan.FromMinutes(1));
        _now += TimeSpan.FromSeconds(59.9);
        _scheduler.Tick(_now);
        Assert.Empty(TakeAll());
        _now += TimeSpan.FromSeconds(0.2);
        _scheduler.Tick(_now);
        Assert.Equal([handle], TakeAll());
    }

    [Fact]
    public void A_closed_destination_stops_the_clock_and_one_message_stays_ready_as_canary()
    {
        var handles = new[] { Add(delay: TimeSpan.FromMinutes(1)), Add(delay: TimeSpan.FromMinutes(2)) };
        _board.Closed = true;
        _scheduler.Tick(_now);
        _now += TimeSpan.FromHours(3);
        _scheduler.Tick(_now);
        Assert.Equal([handles[0]], TakeAll());
        _board.Closed = false;
        _scheduler.Tick(_now);
        Assert.Empty(TakeAll());
        _now += TimeSpan.FromMinutes(2.1);
        _scheduler.Tick(_now);
        Assert.Equal([handles[1]], TakeAll());
    }

    private SpoolHandle AddDoubtful(TimeSpan delay)
    {
        var handle = Add();
        Assert.True(_scheduler.TryClaimForAct(handle));
        _scheduler.Plan(handle, [Entry(backlog: true, delay: delay) with { OutcomeUnknown = true }], false,
            MessageProgress.ForNew(1), _now, force: true);
        return handle;
    }

    [Fact]
    public void The_canary_of_a_closed_destination_is_a_message_that_is_surely_not_there_yet()
    {
        var doubtful = AddDoubtful(TimeSpan.FromMinutes(10));
        var later = Add(delay: TimeSpan.FromMinutes(30));
        _board.Closed = true;
        _scheduler.Tick(_now);
        Assert.Equal([later], TakeAll());
        _board.Closed = false;
        _scheduler.Tick(_now);
        _now += TimeSpan.FromMinutes(10.1);
        _scheduler.Tick(_now);
        Assert.Equal([doubtful], TakeAll());
    }

    [Fact]
    public void A_message_whose_outcome_is_unknown_is_a_canary_only_when_its_own_wait_is_over()
    {
        var doubtful = AddDoubtful(TimeSpan.FromMinutes(10));
        _now += TimeSpan.FromMinutes(4);
        _board.Closed = true;
        _scheduler.Tick(_now);
        _now += TimeSpan.FromMinutes(5.9);
        _scheduler.Tick(_now);
        Assert.Empty(TakeAll());
        Assert.Equal(1, _scheduler.Counts().DestinationClosed);
        _now += TimeSpan.FromMinutes(0.2);
        _scheduler.Tick(_now);
        Assert.Equal([doubtful], TakeAll());
    }

    private SpoolHandle AddForPlace(TimeSpan delay, bool unknown = false) => PlanForPlace(Add(), delay, unknown);

    private SpoolHandle PlanForPlace(SpoolHandle handle, TimeSpan delay, bool unknown = false)
    {
        _scheduler.TryClaimForAct(handle);
        _scheduler.Plan(handle, [Entry(delay: delay) with { PlaceDelay = delay, Moves = 9, OutcomeUnknown = unknown }], false,
            MessageProgress.ForNew(1), _now, force: true);
        return handle;
    }

    [Fact]
    public void When_a_destination_opens_what_waited_only_because_it_failed_is_ready_and_the_rest_keeps_its_time()
    {
        var own = Add(delay: TimeSpan.FromMinutes(3));
        var doubtful = AddDoubtful(TimeSpan.FromMinutes(4));
        var waited = new[] { AddForPlace(TimeSpan.FromMinutes(5)), AddForPlace(TimeSpan.FromMinutes(6), unknown: true) };
        _scheduler.Tick(_now);
        Assert.Empty(TakeAll());
        _board.Closed = true;
        _board.Answer = _ => ScriptedBoard.Wait(WaitReason.AllClosed);
        _scheduler.Tick(_now);
        _now += TimeSpan.FromSeconds(80);
        _scheduler.Tick(_now);
        Assert.Empty(TakeAll());
        _board.Closed = false;
        _board.Answer = _ => ScriptedBoard.Send;
        _now += TimeSpan.FromSeconds(2);
        _scheduler.Tick(_now);
        Assert.Equal(waited, TakeAll());
        _now += TimeSpan.FromMinutes(3.1);
        _scheduler.Tick(_now);
        Assert.Equal([own], TakeAll());
        _now += TimeSpan.FromMinutes(1);
        _scheduler.Tick(_now);
        Assert.Equal([doubtful], TakeAll());
    }

    [Fact]
    public void What_waits_for_a_place_waits_its_time_where_the_destination_never_closed_or_fails_after_it_opened()
    {
        AddForPlace(TimeSpan.FromMinutes(1));
        _now += TimeSpan.FromSeconds(59);
        _scheduler.Tick(_now);
        Assert.Empty(TakeAll());
        _board.Closed = true;
        _scheduler.Tick(_now);
        _board.Closed = false;
        _scheduler.Tick(_now);
        var again = Assert.Single(TakeAll());
        PlanForPlace(again, TimeSpan.FromSeconds(30));
        _now += TimeSpan.FromSeconds(29);
        _scheduler.Tick(_now);
        Assert.Empty(TakeAll());
        _now += TimeSpan.FromSeconds(1.1);
        _scheduler.Tick(_now);
        Assert.Equal([again], TakeAll());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Failures_of_a_closure_that_is_over_dont_lengthen_the_next_wait(bool isTakenBeforeTheOpening)
    {
        AddForPlace(TimeSpan.FromMinutes(5));
        _board.Closed = true;
        _scheduler.Tick(_now);
        TakenEntry taken = default;
        if (isTakenBeforeTheOpening)
        {
            Assert.True(_scheduler.TryTake(_now, null, out taken, out _));
            Assert.Equal(9, _scheduler.MovesOf(taken));
        }
        _now += TimeSpan.FromSeconds(1);
        _board.Closed = false;
        _scheduler.Tick(_now);
        _now += TimeSpan.FromSeconds(1);
        Assert.Equal(!isTakenBeforeTheOpening, _scheduler.TryTake(_now, null, out var later, out _));
        Assert.Equal(0, _scheduler.MovesOf(isTakenBeforeTheOpening ? taken : later));
    }

    [Fact]
    public void The_canary_is_first_of_all_a_message_that_waits_for_nothing_but_its_destination()
    {
        Add(delay: TimeSpan.FromMinutes(1));
        var waits = AddForPlace(TimeSpan.FromMinutes(5));
        _board.Closed = true;
        _scheduler.Tick(_now);
        Assert.Equal([waits], TakeAll());
    }

    [Fact]
    public void However_much_waits_for_a_place_a_tick_makes_so_many_ready_and_the_next_ones_the_rest()
    {
        for (var i = 0; i < 50_001; i++)
            AddForPlace(TimeSpan.FromMinutes(5));
        _board.Closed = true;
        _board.Answer = _ => ScriptedBoard.Wait(WaitReason.AllClosed);
        _scheduler.Tick(_now);
        Assert.Empty(TakeAll());
        _board.Closed = false;
        var ready = new List<int>();
        for (var tick = 0; tick < 4; tick++)
        {
            _scheduler.Tick(_now);
            ready.Add(_scheduler.Counts().Ready);
            _now += TimeSpan.FromMilliseconds(100);
        }
        // One was the canary.
        Assert.Equal([20_001, 40_001, 50_001, 50_001], ready);
    }

    [Fact]
    public void While_all_sites_are_closed_the_board_is_not_asked_for_every_message()
    {
        var asked = 0;
        _board.Answer = _ =>
        {
            asked++;
            return ScriptedBoard.Wait(WaitReason.AllClosed);
        };
        for (var i = 0; i < 1000; i++)
            Add();
        for (var i = 0; i < 10; i++)
            TakeAll();
        Assert.Equal(1, asked);
        _now += TimeSpan.FromSeconds(1.1);
        TakeAll();
        Assert.Equal(2, asked);
    }

    [Fact]
    public void A_message_is_in_one_pair_of_hands()
    {
        var handle = Add();
        Assert.True(_scheduler.TryTake(_now, null, out var taken, out _));
        Assert.False(_scheduler.TryClaimForAct(handle));
        _scheduler.PutBack(taken.Handle, TimeSpan.Zero, _now);
        Assert.True(_scheduler.TryClaimForAct(handle));
        Assert.Empty(TakeAll());
        _scheduler.Plan(handle, [Entry()], false, MessageProgress.ForNew(1), _now);
        Assert.Equal([handle], TakeAll());
    }

    [Fact]
    public void Two_generations_of_a_slot_never_get_each_others_message()
    {
        // The older one was set aside as damaged while it waited here, so the spool gave its slot away.
        var older = Add();
        var newer = older with { Generation = 2 };
        var envelope = new Envelope
        {
            Id = default, ReceivedAt = default, Sender = "", Recipients = [new EnvelopeRecipient("b@example.com")],
            Listener = "relay", Tenant = "", SizeBytes = 1,
        };
        var message = new SpooledMessage(newer, envelope, MessageProgress.ForNew(1));
        _scheduler.Arrive(new WaitingMessage(newer, default, 3, 1, 100, false, false), message, TimeSpan.Zero, _now);
        Assert.True(_scheduler.TryClaim(newer));
        _scheduler.Plan(newer, [Entry()], false, MessageProgress.ForNew(1), _now);

        Assert.True(_scheduler.TryTake(_now, null, out var first, out _));
        Assert.True(_scheduler.TryTake(_now, null, out var second, out _));
        Assert.Equal([older, newer], [first.Handle, second.Handle]);
        Assert.Null(first.Message);
        Assert.Same(message, second.Message);
    }

    [Fact]
    public void A_plan_that_a_reload_has_overtaken_is_made_again()
    {
        static RouteTable Rules(string name) => RouteTable.FromOptions(new RouteOptions
        {
            Rules = [new RouteRuleOptions { Name = name, Domain = "*", Service = "mail" }],
        });
        var (old, next) = (Rules("mail"), Rules("other"));
        var handle = Add();
        Assert.True(_scheduler.TryClaimForAct(handle));
        _scheduler.Reload(next, rulesChanged: true);
        // Its session had read the old rules a moment before.
        _scheduler.Plan(handle, [Entry()], false, MessageProgress.ForNew(1), _now, rules: old);
        Assert.True(_scheduler.TryTakeUnrouted(out var again));
        Assert.Equal(handle, again);
        _scheduler.Plan(handle, [Entry()], false, MessageProgress.ForNew(1), _now, rules: next);
        Assert.False(_scheduler.HasUnrouted);
    }

    [Fact]
    public void A_retry_by_an_operator_does_not_forget_how_long_the_destination_was_closed()
    {
        var handle = Add(delay: TimeSpan.FromMinutes(30));
        _board.Closed = true;
        _scheduler.Tick(_now);
        for (var i = 0; i < 3; i++)
        {
            _now += TimeSpan.FromHours(1);
            Assert.True(_scheduler.TryClaimForAct(handle));
            _scheduler.Plan(handle, [Entry()], false, MessageProgress.ForNew(1), _now, force: true);
        }
        Assert.Equal(TimeSpan.FromHours(3), _scheduler.ClosedTimeOf(handle, _now));
    }

    [Fact]
    public void A_held_message_is_in_no_queue()
    {
        var handle = Add();
        Assert.True(_scheduler.TryClaimForAct(handle));
        _scheduler.Plan(handle, [Entry()], true, MessageProgress.ForNew(1), _now);
        Assert.Empty(TakeAll());
        Assert.Equal(1, _scheduler.Counts().Held);
    }

    [Fact]
    public void Ended_messages_leave_nothing_behind()
    {
        for (var i = 0; i < 5000; i++)
            Add(tenant: (ushort)(i % 7), delay: TimeSpan.FromSeconds(i % 3));
        for (var round = 0; round < 6; round++)
        {
            // At most InFlightMax (1 000) are handed out at a time.
            foreach (var handle in TakeAll())
                _scheduler.Ended(handle);
            _now += TimeSpan.FromSeconds(1);
            _scheduler.Tick(_now);
        }
        Assert.Equal(default, _scheduler.Counts());
    }

    private static readonly MailRoute MxRule = new() { Name = "mx", Rule = "*" };

    private DeliveryRoute MxRoute(string domain, MailRoute? rule = null) =>
        _scheduler.RouteFor(new RouteDecision(rule ?? MxRule, $"mx/{domain}", domain));

    private void Prune(int rounds)
    {
        for (; rounds > 0; rounds--)
            _scheduler.Prune(_now);
    }

    private SpoolHandle AddTo(DeliveryRoute route)
    {
        var handle = new SpoolHandle(_slots++, 1);
        _scheduler.Arrive(new WaitingMessage(handle, default, 3, 1, 100, false, false), null, TimeSpan.Zero, _now);
        Assert.True(_scheduler.TryClaim(handle));
        _scheduler.Plan(handle, [Entry() with { Route = route }], false, MessageProgress.ForNew(1), _now);
        return handle;
    }

    [Fact]
    public void An_MX_route_without_mail_is_forgotten_after_three_rounds()
    {
        MxRoute("one.example");
        var busy = AddTo(MxRoute("two.example"));
        Prune(2);
        Assert.NotNull(_scheduler.FindRoute("mx/one.example"));
        Prune(1);
        Assert.Null(_scheduler.FindRoute("mx/one.example"));
        Assert.NotNull(_scheduler.FindRoute("mx/two.example"));
        _scheduler.Ended(busy);
        Assert.Empty(TakeAll());
        Prune(3);
        Assert.Null(_scheduler.FindRoute("mx/two.example"));
        Assert.NotNull(_scheduler.FindRoute("mail"));
    }

    [Fact]
    public void A_paused_MX_route_is_remembered_until_its_pause_ends()
    {
        var route = MxRoute("one.example");
        _scheduler.ReportMx(route, "no answer", _now);
        Prune(5);
        Assert.NotNull(_scheduler.FindRoute("mx/one.example"));
        _now = route.Mx!.PausedUntil;
        Prune(3);
        Assert.Null(_scheduler.FindRoute("mx/one.example"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Routes_that_a_reload_left_without_a_rule_are_forgotten(bool paused)
    {
        var route = MxRoute("one.example");
        if (paused)
            _scheduler.ReportMx(route, "no answer", _now);
        _scheduler.Reload(RouteTable.FromOptions(new RouteOptions
        {
            Rules = [new RouteRuleOptions { Name = "other", Domain = "*", Service = "mail" }],
        }), rulesChanged: true);
        Prune(3);
        Assert.Null(_scheduler.FindRoute("mx/one.example"));
        Assert.Null(_scheduler.FindRoute("mail"));
    }

    [Fact]
    public void An_attempt_by_MX_that_a_reload_overtakes_gives_its_slot_back_to_where_it_came_from()
    {
        var route = MxRoute("one.example");
        AddTo(route);
        Assert.True(_scheduler.TryTake(_now, null, out var taken, out _));
        _scheduler.Reload(RouteTable.FromOptions(new RouteOptions()), rulesChanged: true);
        _scheduler.Release(taken, false, _now);
        Assert.Empty(_board.Released);
    }

    [Fact]
    public void An_entry_is_64_bytes() => Assert.Equal(64, Unsafe.SizeOf<ScheduleEntry>());

    [Fact]
    public void Two_hundred_thousand_waiting_cost_less_than_100_bytes_each()
    {
        const int count = 200_000;
        PlannedEntry[] plan = [Entry(delay: TimeSpan.FromHours(1))];
        var progress = MessageProgress.ForNew(1);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < count; i++)
        {
            var handle = new SpoolHandle(i, 1);
            _scheduler.Arrive(new WaitingMessage(handle, default, 3, 1, 100, false, false), null, TimeSpan.Zero, _now);
            _scheduler.TryClaim(handle);
            _scheduler.Plan(handle, plan, false, progress, _now);
        }
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / count, 0, 100);
    }
}
