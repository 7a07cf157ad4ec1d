using Holdfast.Sim.Policies;
using Holdfast.Sim.Provider;
using Holdfast.Traffic.Health;

namespace Holdfast.Sim.Runs;

/// <summary>Ends of steps, and the record.</summary>
internal sealed partial class Simulation
{
    /// <summary>How long after its fault a target may still be held closed.</summary>
    private const long GraceTicks = 30 * TimeSpan.TicksPerSecond;
    private readonly ServiceSeries[] _series;
    private readonly SiteSeries[] _siteSeries;
    private readonly ComponentSeries[] _componentSeries;
    private readonly LatencyBins[] _latencies;
    private readonly SitesSample _sample;
    private readonly bool[] _targetsClosed;
    private readonly List<VerdictEntry> _verdicts = [];
    private long _verdictsDropped;
    private TrueWorld? _world;

    private void EndStep()
    {
        for (var i = 0; i < _series.Length; i++)
        {
            _series[i].LatencyP50[_step] = _latencies[i].Percentile(0.5);
            _series[i].LatencyP99[_step] = _latencies[i].Percentile(0.99);
            _latencies[i].Clear();
        }
        for (var i = 0; i < _waiting.Length; i++)
        {
            for (var list = 0; list < _waiting[i].Counts.Length; list++)
            {
                var series = _series[i % _services * RunRecord.Priorities + list % RunRecord.Priorities];
                series.Waiting[_step] += _waiting[i].Counts[list];
            }
        }
        for (var i = 0; i < _series.Length; i++)
            _series[i].Waiting[_step] += _mailWaiting[i];
        SampleServers();
        SampleVerdicts();
        SampleShares();
        if (_now >= _end)
            return;
        _step++;
        Push(Math.Min(_now + _stepTicks, _end), EventKind.Step, 0);
    }

    private void SampleServers()
    {
        _world ??= WorldBuilder.Build(_scenario, _periods, _pools, _servers, _work, Steps);
        for (var i = 0; i < _pools.Length; i++)
        {
            var pool = _pools[i];
            var (queued, busy, crashed) = (0, 0, 0.0);
            for (var s = pool.First; s < pool.First + pool.Count; s++)
            {
                queued += _servers[s].Queued;
                busy += _servers[s].Busy;
                if (_servers[s].IsCrashed)
                    crashed++;
            }
            var up = 1 - crashed / pool.Count;
            if (pool.Site >= 0)
            {
                var series = _siteSeries[pool.Site];
                series.Queued[_step] = queued;
                series.InService[_step] = busy;
                series.Done[_step] = (int)pool.DoneInStep;
                series.TrueCapacity[_step] = _world.Sites[pool.Site].Capacity[_step] * up;
            }
            else
            {
                _componentSeries[pool.Component].Queued[_step] = queued;
                _componentSeries[pool.Component].TrueCapacity[_step] =
                    _world.Components[pool.Component].Capacity[_step] * up;
            }
            pool.DoneInStep = 0;
        }
    }

    private void SampleVerdicts()
    {
        Array.Clear(_targetsClosed);
        foreach (var series in _siteSeries)
            series.Limit[_step] = double.NaN;
        foreach (var edge in _edges)
        {
            _sample.Clear();
            edge.Policy.Describe(_sample, Now);
            for (var i = 0; i < _sites; i++)
            {
                var series = _siteSeries[i];
                if (Rank(_sample.SiteVerdicts[i]) > Rank((VerdictState)series.Verdict[_step]))
                    series.Verdict[_step] = (byte)_sample.SiteVerdicts[i];
                if (!double.IsNaN(_sample.Limits[i]))
                {
                    var sum = series.Limit[_step];
                    series.Limit[_step] = (double.IsNaN(sum) ? 0 : sum) + _sample.Limits[i];
                }
            }
            for (var i = 0; i < _targetsClosed.Length; i++)
            {
                var site = _pools[_servers[i].Pool].Site;
                _targetsClosed[i] |= _sample.TargetVerdicts[i] == VerdictState.Closed
                    || _sample.SiteVerdicts[site] == VerdictState.Closed;
            }
            NoteChanges(edge.Index);
        }
        for (var i = 0; i < _targetsClosed.Length; i++)
        {
            if (!_targetsClosed[i])
                continue;
            var site = _pools[_servers[i].Pool].Site;
            _siteSeries[site].TargetsClosed[_step]++;
            if (!IsHurt(i, site))
                _siteSeries[site].HealthyClosed[_step]++;
        }
    }

    private void NoteChanges(int edge)
    {
        foreach (var change in _sample.Changes)
        {
            if (_verdicts.Count >= RunBounds.VerdictsMax)
                _verdictsDropped++;
            else
                _verdicts.Add(new VerdictEntry(Now, edge, change.Site.Value,
                    change.Target.IsNone ? -1 : change.Target.Value, change.From, change.To, change.Evidence));
        }
        _sample.Changes.Clear();
    }

    private static int Rank(VerdictState state) => state switch
    {
        VerdictState.Closed => 4,
        VerdictState.Recovering => 3,
        VerdictState.Degraded => 2,
        VerdictState.Suspect => 1,
        _ => 0,
    };

    /// <summary>A fault of its own, of what it needs or of the way to it, now or a moment ago.</summary>
    private bool IsHurt(int target, int site)
    {
        if (_servers[target].Downs > 0 || _servers[target].IsCold)
            return true;
        foreach (var period in _periods)
        {
            if (period.From.Ticks > _now || period.To.Ticks + GraceTicks < _now || !period.Sites.Contains(site))
                continue;
            if (period.Servers.Length == 0 || period.Servers.Contains(target)
                || period.Servers[0] >= _targetsClosed.Length)
                return true;
        }
        foreach (var component in _scenario.Sites[site].DependsOn)
        {
            var pool = _pools[_sites + component];
            for (var s = pool.First; s < pool.First + pool.Count; s++)
            {
                if (_servers[s].Downs > 0)
                    return true;
            }
        }
        return false;
    }

    private void SampleShares()
    {
        for (var service = 0; service < _services; service++)
        {
            var sum = 0;
            for (var i = 0; i < _sites; i++)
            {
                if (_scenario.Sites[i].Service == service)
                    sum += _siteSeries[i].Placed[_step];
            }
            for (var i = 0; i < _sites && sum > 0; i++)
            {
                if (_scenario.Sites[i].Service == service)
                    _siteSeries[i].Share[_step] = _siteSeries[i].Placed[_step] / (double)sum;
            }
        }
    }

    private RunRecord Finish(string policy, double wallSeconds)
    {
        for (var i = 0; i < _requests.Used; i++)
        {
            if (_requests[i].State is not (RequestState.Free or RequestState.Canary))
                _totals.Unfinished++;
        }
        var world = WorldBuilder.WithDemand(_world!, _scenario, _work);
        return new RunRecord
        {
            Scenario = _scenario, Policy = policy, Seed = _seed, Step = _scenario.Step, Steps = Steps,
            Services = _series, Sites = _siteSeries, Components = _componentSeries, World = world,
            Totals = _totals, Verdicts = _verdicts, VerdictsDropped = _verdictsDropped, Faults = _periods,
            Crashes = _crashes, EdgeRequests = _edgeRequests, EdgeServed = _edgeServed,
            Events = _events, WallSeconds = wallSeconds,
        };
    }
}
