using System.Diagnostics.Metrics;
using Holdfast.Mail;
using Holdfast.Mail.Deliver;
using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;
using Holdfast.Sim.Clockwork;
using Holdfast.Sim.Scenarios;
using Holdfast.Traffic;
using Microsoft.Extensions.Logging.Abstractions;

namespace Holdfast.Sim.Delivery;

/// <summary>Mail's own delivery at one edge, in virtual time: schedule, plans, choice of recipients, pace, settlement,
/// retry times and upkeep are the production's, unchanged and with its defaults.</summary>
/// <remarks>
/// What is the simulator's: the spool and the journal (memory), the session (<see cref="MailSession"/>), and the order
/// in which things are called, which <see cref="DeliveryFlow"/> leaves to threads: arrivals, completions and a tick
/// every 100 ms each ask for the next message until there is none to be had. Every call completes at once, so nothing
/// depends on a thread pool, and the same seed gives the same bytes.
/// </remarks>
internal sealed class EdgeMail
{
    /// <summary>What waited at the start was accepted so long before.</summary>
    private static readonly TimeSpan s_backlogAge = TimeSpan.FromHours(1);
    private static readonly DeliverMetrics s_metrics = new(new Meters());
    private readonly SimulatedTime _time = new();
    private readonly DeliveryContext _context;
    private readonly DeliverySettlement _settlement;
    private readonly DeliveryUpkeep _upkeep;
    private readonly List<MailSession> _sessions = [];
    private readonly Stack<MailSession> _spare = new();

    /// <param name="ended">Called when every recipient of a message is delivered, refused or expired.</param>
    public EdgeMail(Scenario scenario, int edge, ITrafficBoard board, ulong seed, Action<SpooledMessage> ended)
    {
        // The wall clock says some day of this century, so that what waits may be older than the run.
        _time.StepWallClock(TimeSpan.FromDays(20_000));
        var random = new RandomStream(seed, "mail:" + scenario.Edges[edge].Name);
        var options = new DeliverOptions();
        var pace = new PaceOptions();
        var host = "edge.example";
        var snapshot = new DeliverySnapshot(options, RouteTable.FromOptions(Rules(scenario)),
            new RetryPolicy(new RetryOptions()), new NoticeComposer(new NoticeOptions(), host),
            new RecipientPacer(pace), pace, host);
        var network = new NoNetwork();
        var placements = new DeliveryPlacements(board);
        Spool = new EdgeSpool((ushort)edge, _time, ended);
        Scheduler = new DeliveryScheduler(placements, options, random, TimeSpan.Zero);
        _context = new DeliveryContext(snapshot, random)
        {
            Spool = Spool, Board = board, Placements = placements, Journal = Evidence, Scheduler = Scheduler,
            Planner = new DeliveryPlanner(Scheduler, board, _time), MxResolver = network, MxTls = network,
            HostResolver = network, Dialer = network, Time = _time, Metrics = s_metrics, MxPort = 25,
        };
        _settlement = new DeliverySettlement(_context, NullLogger.Instance);
        _upkeep = new DeliveryUpkeep(_context, _settlement, NullLogger.Instance);
    }

    public EdgeSpool Spool { get; }
    public EdgeEvidence Evidence { get; } = new();
    public DeliveryScheduler Scheduler { get; }
    /// <summary>Those at work and those that wait for work.</summary>
    public IReadOnlyList<MailSession> Sessions => _sessions;
    public DateTimeOffset Wall => _time.GetUtcNow();

    public static string DomainOf(int service) => $"service-{service}.example";

    /// <summary>Time never goes back.</summary>
    public void MoveTo(TimeSpan now) => _time.Advance(now - _time.GetElapsedTime(0));

    public void StepWallClock(TimeSpan by) => _time.StepWallClock(by);

    /// <summary>Takes a message in, as the spool announces one.</summary>
    /// <param name="waited">It is found at the start: a loader reads it when it comes to it.</param>
    public void Accept(SpoolHandle handle, Envelope envelope, bool waited)
    {
        if (waited)
            envelope = envelope with { ReceivedAt = envelope.ReceivedAt - s_backlogAge };
        var message = new SpooledMessage(handle, envelope, MessageProgress.ForNew(envelope.Recipients.Count));
        Spool.Put(message);
        Scheduler.Arrive(new WaitingMessage(handle, envelope.Id, envelope.Priority,
            (ushort)envelope.Recipients.Count, envelope.SizeBytes, false, false), waited ? null : message,
            waited ? s_backlogAge : TimeSpan.Zero, _context.Now);
        if (!waited && Scheduler.TryClaim(handle))
            _context.Planner.Hand(message, _context.Snapshot);
    }

    /// <summary>Begins the next attempt, of the route given first; null: none may be made now.</summary>
    /// <param name="wake">When null is returned: when to ask again at the latest; MaxValue: when something changes.
    /// </param>
    public MailSession? TryBegin(DeliveryRoute? only, out TimeSpan wake)
    {
        while (Scheduler.TryTake(_context.Now, only, out var taken, out wake))
        {
            if (Spool.Find(taken.Handle) is not { } message)
            {
                Scheduler.Ended(taken.Handle);
                Leave(taken, false);
                continue;
            }
            if (!_spare.TryPop(out var session))
                _sessions.Add(session = new MailSession(_context, _sessions.Count));
            if (session.Begin(taken, message))
                return session;
            session.End();
            if (session.Result.Recipients.Count > 0)
                Now(_settlement.SettleAsync(taken, message, session.Result));
            else
                _context.Planner.Hand(message, _context.Snapshot);
            Leave(taken, false);
            _spare.Push(session);
        }
        return null;
    }

    /// <summary>Settles an attempt whose answer the session has taken in.</summary>
    public void End(MailSession session)
    {
        var (taken, delivered) = (session.Taken, session.Result.IsDelivered);
        session.End();
        Now(_settlement.SettleAsync(taken, session.Message, session.Result));
        Leave(taken, delivered);
        _spare.Push(session);
    }

    /// <summary>Every 100 ms.</summary>
    public void Tick()
    {
        var now = _context.Now;
        _context.Watch.Tick(now);
        Scheduler.Tick(now);
        Now(_upkeep.TickAsync(now));
        Now(_upkeep.CarryOutAsync());
        while (Scheduler.TryTakeUnrouted(out var handle))
        {
            if (Spool.Find(handle) is not { } message)
            {
                Scheduler.Ended(handle);
                continue;
            }
            Now(_settlement.NoteInterruptedAsync(message));
            _context.Planner.Hand(message, _context.Snapshot);
        }
    }

    private void Leave(in TakenEntry taken, bool delivered)
    {
        Scheduler.Release(taken, delivered, _context.Now);
        Scheduler.Unblock(taken.Route);
    }

    private static void Now(ValueTask task)
    {
        Invariant.Require(task.IsCompleted, "nothing in a simulated edge waits for a thread");
        task.GetAwaiter().GetResult();
    }

    private static RouteOptions Rules(Scenario scenario) => new()
    {
        Rules = [.. scenario.Services.Index().Where(s => s.Item.Kind == ServiceKind.Mail).Select(s =>
            new RouteRuleOptions { Domain = DomainOf(s.Index), Service = s.Item.Name, Profile = s.Item.Profile })],
    };

    /// <summary>Nobody listens to a run's meters: one set serves all runs.</summary>
    private sealed class Meters : IMeterFactory
    {
        public Meter Create(MeterOptions options) => new(options);

        public void Dispose()
        {
        }
    }
}
