using Holdfast.Sim.Clockwork;
using Holdfast.Sim.Provider;
using Holdfast.Sim.Scenarios;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Targets;

namespace Holdfast.Sim.Runs;

/// <summary>End-to-end canaries: a mail that is read back, a write that is read again.</summary>
internal sealed partial class Simulation
{
    private const byte WriteOperation = 2;
    private readonly TimerLine _canaryTimers;
    private readonly RandomStream _canaryRandom;

    private void SendCanary(int pair)
    {
        var (edge, site) = (_edges[pair / _sites], pair % _sites);
        var next = _scenario.Canaries.Every.Ticks * (0.9 + 0.2 * _canaryRandom.NextDouble());
        Push(_now + (long)next, EventKind.Canary, pair);
        if (_now < edge.PausedUntil)
            return;
        _totals.Canaries++;
        var index = _requests.Take();
        ref var request = ref _requests[index];
        request.State = RequestState.Canary;
        request.Edge = (byte)edge.Index;
        request.SentAt = _now;
        request.Placement = new Placement(PlacementKind.Canary, TargetId.None, new SiteId(site), false,
            WaitReason.None, TimeSpan.Zero);
        var serial = ++request.AttemptSerial;
        if (_canaryTimers.Set(_now, index, serial))
            Push(_now + _canaryTimers.Ticks, EventKind.CanaryTimers, 0);
        if (!TryReach(edge.Index, site, out var delay))
            return;
        var pool = _pools[site];
        var job = _jobs.Take();
        ref var work = ref _jobs[job];
        work.Request = index;
        work.AttemptSerial = serial;
        work.Parent = -1;
        work.Server = pool.First + _canaryRandom.Next(pool.Count);
        work.Work = 1;
        work.SizeBytes = 0;
        work.Operation = _isMail[_scenario.Sites[site].Service] ? (byte)0 : WriteOperation;
        work.Edge = (byte)edge.Index;
        work.IsLost = false;
        Push(_now + delay, EventKind.Reach, job, work.Serial);
    }

    private void EndCanary(int index, EdgeState edge, JobResult result)
    {
        ref var request = ref _requests[index];
        // One that was swallowed is missed only at its deadline.
        if (result == JobResult.Lost)
            return;
        edge.Policy.ReportCanary(request.Placement.Site, result == JobResult.Success,
            TimeSpan.FromTicks(_now - request.SentAt), Now);
        FreeRequest(index);
    }

    private void RunCanaryTimers()
    {
        while (!_canaryTimers.IsEmpty && _canaryTimers.Head.Due <= _now)
        {
            var timer = _canaryTimers.Take();
            ref var request = ref _requests[timer.Subject];
            if (request.AttemptSerial != timer.Serial)
                continue;
            var edge = _edges[request.Edge];
            // Our own pause says nothing of the site.
            if (_now >= edge.PausedUntil)
                edge.Policy.ReportCanary(request.Placement.Site, false, _scenario.Canaries.Deadline, Now);
            FreeRequest(timer.Subject);
        }
        if (_canaryTimers.Rearm())
            Push(_canaryTimers.Head.Due, EventKind.CanaryTimers, 0);
    }
}
