using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Sim.Policies;

/// <summary>What the baselines share: targets in arrays, what is in flight at each, and what an operator set by hand.
/// </summary>
/// <remarks>A baseline answers as the published system would with its defaults; nothing here judges, paces, spills or
/// sheds. One object an edge, as each proxy process keeps its own view. Time-outs are the scenario's, the same for all
/// policies; where a system's own default is longer (nginx waits 60 s), that favours the baseline.</remarks>
internal abstract class BaselinePolicy : ITrafficPolicy
{
    /// <summary>No target can take it at all.</summary>
    protected const int Nowhere = -1;
    /// <summary>Those that could have no room: it waits in the proxy's queue.</summary>
    protected const int Full = -2;
    /// <summary>Postfix 3.7 <c>minimal_backoff_time</c> and <c>maximal_backoff_time</c>, in seconds: mail that a
    /// baseline can't deliver waits in the same spool as ours, by the back-off of the most used mail server.</summary>
    private const int MailBackoffMin = 300;
    private const int MailBackoffMax = 4000;
    /// <summary>Postfix <c>default_destination_concurrency_limit</c>: deliveries at once to one destination, whatever
    /// stands between.</summary>
    private const int MailAtOnceMax = 20;
    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(100);
    private readonly ActsByHand _acts;
    /// <summary>By service: mail under way.</summary>
    private readonly int[] _mailAtOnce;
    /// <summary>By target: the verdict that was shown last.</summary>
    private readonly VerdictState[] _told;

    protected BaselinePolicy(Topology topology, Random random)
    {
        Topology = topology;
        Random = random;
        InFlight = new int[topology.Targets.Length];
        _acts = new ActsByHand(topology);
        _mailAtOnce = new int[topology.Services.Length];
        _told = new VerdictState[topology.Targets.Length];
        Pools = [.. topology.Services.Select(s => new ServicePool(topology, s))];
        ServiceOf = [.. topology.Targets.Select(t => topology.Sites[t.Site.Value].Service.Value)];
    }

    public abstract string Name { get; }
    protected Topology Topology { get; }
    protected Random Random { get; }
    /// <summary>By target.</summary>
    protected int[] InFlight { get; }
    /// <summary>By service.</summary>
    protected ServicePool[] Pools { get; }
    /// <summary>By target.</summary>
    protected int[] ServiceOf { get; }

    public Placement Place(in PlacementRequest request, uint cohort, TimeSpan now)
    {
        _acts.Expire(now);
        var target = request.CanWait && _mailAtOnce[request.Service.Value] >= MailAtOnceMax ? Full
            : Choose(request, now);
        if (target < 0)
        {
            return new Placement(PlacementKind.Wait, TargetId.None, new SiteId(-1), false,
                target == Full ? WaitReason.Saturated : WaitReason.AllClosed, AskAgain);
        }
        InFlight[target]++;
        if (request.CanWait)
            _mailAtOnce[request.Service.Value]++;
        var site = Topology.Targets[target].Site;
        var isHome = site == Topology.Services[request.Service.Value].SitesNearestFirst[0];
        return new Placement(PlacementKind.Send, new TargetId(target), site, !isHome, WaitReason.None, TimeSpan.Zero)
        {
            Ticket = request.Attempt > 0 ? 1 : 0,
        };
    }

    public void Release(in Placement placement, bool delivered, TimeSpan now)
    {
        if (placement.Target.IsNone)
            return;
        var service = ServiceOf[placement.Target.Value];
        InFlight[placement.Target.Value]--;
        if (_mailAtOnce[service] > 0)
            _mailAtOnce[service]--;
        Released(placement.Target.Value, placement.Ticket > 0);
    }

    public virtual void Report(in TrafficOutcome outcome, TimeSpan now) { }
    public virtual void ReportProbe(TargetId target, bool connected, TimeSpan now) { }
    public virtual void Tick(TimeSpan now) { }
    public bool Admit(ServiceId service, byte priority, uint cohort, TimeSpan now) => true;
    public void Withdraw(ServiceId service, TimeSpan now) { }
    public virtual bool MayRetry(in TrafficOutcome outcome, int attemptsMade, TimeSpan now) => false;

    /// <summary>Mail that the proxy itself would take elsewhere goes at once; else it waits as Postfix lets
    /// it.</summary>
    public TimeSpan RetryDelay(in TrafficOutcome outcome, bool canWait, int attemptsMade, double chance) =>
        !canWait || MailMovesOn(outcome, attemptsMade) ? TimeSpan.Zero
            : TimeSpan.FromSeconds(Math.Min(MailBackoffMax, MailBackoffMin << Math.Min(attemptsMade - 1, 4)));

    public void ReportCanary(SiteId site, bool passed, TimeSpan latency, TimeSpan now) { }
    public void Act(in PolicyAct act, TimeSpan now) => _acts.Apply(act, now);

    public void Describe(SitesSample sample, TimeSpan now)
    {
        for (var i = 0; i < InFlight.Length; i++)
        {
            var verdict = IsOut(i, now) ? VerdictState.Closed : VerdictState.Healthy;
            sample.TargetVerdicts[i] = verdict;
            if (verdict == _told[i])
                continue;
            sample.Changes.Add(new VerdictChange(Topology.Targets[i].Site, new TargetId(i), _told[i], verdict, Name));
            _told[i] = verdict;
        }
        for (var i = 0; i < Topology.Sites.Length; i++)
        {
            var targets = Topology.Sites[i].Targets;
            var isClosed = true;
            foreach (var target in targets)
                isClosed &= sample.TargetVerdicts[target.Value] == VerdictState.Closed;
            sample.SiteVerdicts[i] = isClosed ? VerdictState.Closed : VerdictState.Healthy;
        }
    }

    /// <summary>Index of the target, <see cref="Nowhere"/> or <see cref="Full"/>.</summary>
    protected abstract int Choose(in PlacementRequest request, TimeSpan now);

    /// <summary>True while the baseline's own view keeps traffic from the target.</summary>
    protected virtual bool IsOut(int target, TimeSpan now) => false;

    /// <summary>A placement ended, reported or not.</summary>
    protected virtual void Released(int target, bool wasRetry) { }

    /// <summary>Mail: true when the next attempt is made elsewhere at once.</summary>
    protected virtual bool MailMovesOn(in TrafficOutcome outcome, int attemptsMade) => false;

    /// <summary>Weight by hand: 1 unless an operator changed it, 0 when drained.</summary>
    protected double WeightByHand(int target) => _acts.Weight(target);

    /// <summary>No connection came about: nothing was asked yet.</summary>
    protected static bool IsConnectFailure(in TrafficOutcome outcome) =>
        !outcome.IsSuccess && outcome.Phase == AttemptPhase.Connect;

    /// <summary>The target's fault, not the recipient's or the message's.</summary>
    protected static bool IsFailure(in TrafficOutcome outcome) =>
        outcome.Scope is not (FailureScope.None or FailureScope.Recipient or FailureScope.Message);

    /// <summary>A question was left unanswered.</summary>
    protected static bool IsTimeout(in TrafficOutcome outcome) =>
        !outcome.IsSuccess && outcome.Detail?.StartsWith(TrafficDetail.Stall, StringComparison.Ordinal) == true;

    /// <summary>The connection broke before the answer.</summary>
    protected static bool IsReset(in TrafficOutcome outcome) =>
        !outcome.IsSuccess && outcome.Detail?.Contains("reset", StringComparison.OrdinalIgnoreCase) == true;

    /// <summary>Draws whether a target with a weight below 1 is passed over this time.</summary>
    protected bool IsLeftOut(int target)
    {
        var weight = WeightByHand(target);
        return weight < 1 && (weight <= 0 || Random.NextDouble() >= weight);
    }
}
