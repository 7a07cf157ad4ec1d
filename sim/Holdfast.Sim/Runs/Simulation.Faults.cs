using Holdfast.Sim.Provider;
using Holdfast.Sim.Scenarios;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Sim.Runs;

/// <summary>What breaks, and what it does to servers, networks and edges.</summary>
internal sealed partial class Simulation
{
    private readonly List<FaultPeriod> _periods;
    private readonly List<ActiveFault> _active = [];
    private readonly List<CrashEntry> _crashes = [];

    private sealed class ActiveFault(int period, FaultSpec spec, int servers)
    {
        public int Period { get; } = period;
        public FaultSpec Spec { get; } = spec;
        public bool[] Hits { get; } = new bool[servers];
    }

    private void BeginFault(int period)
    {
        var spec = _scenario.Faults[_periods[period].Fault];
        var active = new ActiveFault(period, spec, _servers.Length);
        foreach (var server in _periods[period].Servers)
            active.Hits[server] = true;
        _active.Add(active);
        Apply(active, begins: true);
    }

    private void EndFault(int period)
    {
        var at = _active.FindIndex(a => a.Period == period);
        var active = _active[at];
        _active.RemoveAt(at);
        Apply(active, begins: false);
    }

    private void Apply(ActiveFault active, bool begins)
    {
        var spec = active.Spec;
        var step = begins ? 1 : -1;
        var servers = _periods[active.Period].Servers;
        switch (spec.Kind)
        {
            case FaultKind.Slow or FaultKind.Error or FaultKind.BlackHole or FaultKind.AcceptAndLose:
                foreach (var server in servers)
                    _servers[server].Effects += step;
                break;
            case FaultKind.Capacity:
                foreach (var server in servers)
                {
                    SetWorkers(server);
                    StartNext(server);
                }
                break;
            case FaultKind.Down:
                foreach (var server in servers)
                {
                    _servers[server].Downs += step;
                    if (!begins)
                        ComeBack(server);
                }
                if (begins)
                    TakeDown(active.Hits);
                break;
            case FaultKind.ColdCache when begins:
                foreach (var server in servers)
                    Chill(server, spec.Factor, spec.For.Ticks);
                break;
            case FaultKind.DependencyLoss:
                LoseDependency(spec, step);
                break;
            case FaultKind.Partition or FaultKind.Loss:
                foreach (var place in spec.Where)
                    ApplyToLinks(place, spec, begins);
                break;
            case FaultKind.Pause when begins:
                foreach (var place in spec.Where)
                {
                    var edge = _edges[place.First];
                    edge.PausedUntil = Math.Max(edge.PausedUntil, _now + spec.For.Ticks);
                }
                break;
            case FaultKind.ClockStep:
                foreach (var place in spec.Where)
                    _edges[place.First].Mail?.StepWallClock(step * spec.By);
                break;
        }
    }

    private void LoseDependency(FaultSpec spec, int step)
    {
        foreach (var place in spec.Where)
        {
            var pool = _pools[place.First];
            var at = pool.DependsOn.IndexOf(spec.Component);
            if (at >= 0)
                pool.Lost[at] += step;
        }
    }

    private void ApplyToLinks(Place place, FaultSpec spec, bool begins)
    {
        var regions = _scenario.Regions.Length;
        for (var region = 0; region < regions; region++)
        {
            if (place.Second >= 0 && place.Second != region)
                continue;
            ref var link = ref _links[place.First * regions + region];
            if (spec.Kind == FaultKind.Partition)
                link.Partitions += begins ? 1 : -1;
            else
                link.Loss = Math.Clamp(link.Loss + (begins ? spec.Share : -spec.Share), 0, 0.95);
        }
    }

    /// <summary>What active faults make of a request at its server. False: it has its answer, or will never have one.
    /// </summary>
    private bool PassesEffects(int index)
    {
        ref var job = ref _jobs[index];
        foreach (var active in _active)
        {
            var spec = active.Spec;
            if (!active.Hits[job.Server]
                || spec.Kind is not (FaultKind.Slow or FaultKind.Error or FaultKind.BlackHole
                    or FaultKind.AcceptAndLose)
                || (spec.Operation is { } operation && (byte)operation != job.Operation)
                || !IsHit(job, active.Period, spec))
                continue;
            switch (spec.Kind)
            {
                case FaultKind.Slow:
                    job.Work *= (float)spec.Factor;
                    break;
                case FaultKind.AcceptAndLose:
                    job.IsLost = true;
                    break;
                case FaultKind.BlackHole:
                    FreeJob(index);
                    return false;
                default:
                    FailWithFault(index, active);
                    return false;
            }
        }
        return true;
    }

    private bool IsHit(in Job job, int period, FaultSpec spec) =>
        IsOfMessages(spec) && _pools[_servers[job.Server].Pool].IsMail
        ? IsAtFault(_requests[job.Request], _periods[period].Fault)
        : spec.Share >= 1 || _effectRandom.NextDouble() < spec.Share;

    internal static bool IsOfMessages(FaultSpec spec) =>
        spec.Kind == FaultKind.Error && spec.Scope is FailureScope.Recipient or FailureScope.Message;

    /// <summary>A full mailbox is full at every try, and a message that offends offends again: whom such a fault hits
    /// is settled by what is sent, not drawn anew. Canaries are ours and offend nobody.</summary>
    private bool IsAtFault(in Request request, int fault)
    {
        if (request.State == RequestState.Canary)
            return false;
        var spec = _scenario.Faults[fault];
        var key = spec.Scope == FailureScope.Recipient ? MailboxOf(request) : request.Cohort;
        // SplitMix64's last step.
        var z = (key + 1UL) * 0x9E3779B97F4A7C15UL + (ulong)fault;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return (z >> 11) * (1.0 / (1L << 53)) < spec.Share;
    }

    /// <summary>No target takes the message before its deadline, whoever sends it.</summary>
    private bool IsHopeless(in Request request)
    {
        var work = _work[request.Workload].Spec;
        var until = _now + work.Deadline.Ticks;
        foreach (var period in _periods)
        {
            if (period.From.Ticks <= _now && period.To.Ticks >= until && IsOfMessages(_scenario.Faults[period.Fault])
                && period.Servers.Length == _scenario.Targets && IsAtFault(request, period.Fault))
                return true;
        }
        return false;
    }

    private void FailWithFault(int index, ActiveFault active)
    {
        ref var job = ref _jobs[index];
        if (job.Parent >= 0)
        {
            Respond(index, JobResult.FaultError);
            return;
        }
        job.Fault = _periods[active.Period].Fault;
        if (!TryReach(job.Edge, _pools[_servers[job.Server].Pool].Site, out var delay))
        {
            FreeJob(index);
            return;
        }
        job.State = JobState.Answered;
        job.Result = JobResult.FaultError;
        Push(_now + active.Spec.After.Ticks + delay, EventKind.Answer, index, job.Serial);
    }

    private void SetWorkers(int server)
    {
        var workers = (double)_pools[_servers[server].Pool].Spec.Concurrency;
        foreach (var active in _active)
        {
            if (active.Spec.Kind == FaultKind.Capacity && active.Hits[server])
                workers *= active.Spec.Factor;
        }
        _servers[server].Workers = (int)Math.Round(workers);
    }

    /// <summary>Servers stop: what they had in hand is reset, in the order of the jobs' places in the pool.</summary>
    private void TakeDown(bool[] hits)
    {
        for (var i = 0; i < _servers.Length; i++)
        {
            if (!hits[i])
                continue;
            ref var server = ref _servers[i];
            server.Busy = server.Queued = 0;
            server.QueueHead = server.QueueTail = -1;
            server.FullSince = -1;
        }
        var used = _jobs.Used;
        for (var i = 0; i < used; i++)
        {
            if (_jobs[i].State is JobState.Queued or JobState.Served or JobState.Calling && hits[_jobs[i].Server])
            {
                // Calls that it made go on for nobody.
                _jobs[i].Call++;
                Respond(i, JobResult.Reset);
            }
        }
    }

    private void ComeBack(int index)
    {
        ref var server = ref _servers[index];
        var spec = _pools[server.Pool].Spec;
        if (server.Downs == 0 && spec.ColdFactor > 1)
            Chill(index, spec.ColdFactor, spec.WarmsIn.Ticks);
    }

    private void Chill(int index, double factor, long ticks)
    {
        ref var server = ref _servers[index];
        server.IsCold = true;
        server.ColdFactor = (float)factor;
        server.ColdFrom = _now;
        server.WarmTicks = ticks;
    }

    /// <summary>A server whose queue stays full crashes, if it is of the kind that does.</summary>
    private void NoteFull(int index)
    {
        ref var server = ref _servers[index];
        var pool = _pools[server.Pool];
        if (server.FullSince < 0)
            server.FullSince = _now;
        if (pool.Spec.CrashAfter is not { } after || _now - server.FullSince < after.Ticks)
            return;
        server.Downs++;
        server.IsCrashed = true;
        if (_crashes.Count < RunBounds.CrashesMax)
            _crashes.Add(new CrashEntry(Now, pool.Site, pool.Component, index - pool.First));
        var hits = new bool[_servers.Length];
        hits[index] = true;
        TakeDown(hits);
        Push(_now + pool.Spec.CrashFor.Ticks, EventKind.Restart, index);
    }

    private void Restart(int index)
    {
        ref var server = ref _servers[index];
        server.IsCrashed = false;
        server.Downs--;
        ComeBack(index);
    }
}
