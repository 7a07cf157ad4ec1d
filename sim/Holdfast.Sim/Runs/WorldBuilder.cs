using Holdfast.Sim.Provider;
using Holdfast.Sim.Scenarios;

namespace Holdfast.Sim.Runs;

/// <summary>Computes what each site can truly do, step by step, from the scenario and its faults alone.</summary>
internal static class WorldBuilder
{
    public static TrueWorld Build(Scenario scenario, IReadOnlyList<FaultPeriod> periods, ServerPool[] pools,
        Server[] servers, WorkloadState[] work, int steps)
    {
        var capacities = new double[pools.Length][];
        for (var i = 0; i < pools.Length; i++)
            capacities[i] = Capacity(scenario, periods, pools[i], servers, MeanFactor(pools[i], work), steps);
        return new TrueWorld
        {
            Step = scenario.Step,
            Steps = steps,
            Sites = [.. scenario.Sites.Select((s, i) => new WorldSite(s.Name, s.Service, s.Region, capacities[i],
                Reachable(scenario, periods, i, steps), s.DependsOn)
            {
                BaseLatency = BaseLatency(scenario, i), SuccessShare = Success(scenario, periods, pools[i], steps),
            })],
            Components = [.. scenario.Components.Select((c, i) =>
                new WorldComponent(c.Name, capacities[scenario.Sites.Length + i]))],
            Demands = [],
        };
    }

    /// <summary>Arrivals that somebody could serve, when the run has drawn them all.</summary>
    public static TrueWorld WithDemand(TrueWorld world, Scenario scenario, WorkloadState[] work) => new()
    {
        Step = world.Step, Steps = world.Steps, Sites = world.Sites, Components = world.Components,
        Demands = [.. work.SelectMany(w => Enumerable.Range(0, RunRecord.Priorities)
            .Where(p => w.Arrived[p].Length > 0)
            .Select(p => new WorldDemand(w.Spec.Name, w.Spec.Service, (int)w.Spec.Operation, p,
                [.. w.Arrived[p].Select((n, step) => (double)(n - w.Hopeless[p][step]))],
                w.BacklogOf[p], w.Spec.Deadline.TotalSeconds,
                scenario.Services[w.Spec.Service].Kind == ServiceKind.Mail)))],
    };

    /// <summary>Mean service time of the workloads' mix, as a multiple of the servers' own.</summary>
    private static double MeanFactor(ServerPool pool, WorkloadState[] work)
    {
        var (sum, rates) = (0.0, 0.0);
        foreach (var state in work)
        {
            if (pool.Site < 0)
                continue;
            var rate = Math.Max(state.Spec.RatePerSecond, 1e-9);
            var size = pool.Spec.BytesPerSecond > 0
                ? state.Spec.SizeMedian / pool.Spec.BytesPerSecond / pool.Spec.ServiceTimeMean.TotalSeconds : 0;
            sum += rate * (pool.OperationFactors[(int)state.Spec.Operation] + size);
            rates += rate;
        }
        return rates > 0 ? sum / rates : 1;
    }

    private static double[] Capacity(Scenario scenario, IReadOnlyList<FaultPeriod> periods, ServerPool pool,
        Server[] servers, double meanFactor, int steps)
    {
        var usual = pool.Spec.CapacityPerSecond / meanFactor;
        var capacity = new double[steps];
        var last = pool.First + pool.Count;
        var whole = 0.0;
        for (var s = pool.First; s < last; s++)
            whole += servers[s].Speed;
        Array.Fill(capacity, whole * usual);
        var mine = periods.Where(p => p.Servers.Any(s => s >= pool.First && s < last)).ToList();
        if (mine.Count == 0)
            return capacity;
        var hit = new double[pool.Count];
        for (var step = 0; step < steps; step++)
        {
            var from = scenario.Step.TotalSeconds * step;
            var to = Math.Min(from + scenario.Step.TotalSeconds, scenario.Duration.TotalSeconds);
            Array.Fill(hit, 1);
            foreach (var period in mine)
            {
                var fault = scenario.Faults[period.Fault];
                var warm = fault.Kind == FaultKind.Down && pool.Spec.ColdFactor > 1 ? pool.Spec.WarmsIn : TimeSpan.Zero;
                if (period.From.TotalSeconds >= to || (period.To + warm).TotalSeconds <= from)
                    continue;
                var left = Left(fault, period, pool.Spec, from, to);
                foreach (var server in period.Servers)
                {
                    if (server >= pool.First && server < last)
                        hit[server - pool.First] *= left;
                }
            }
            var sum = 0.0;
            for (var s = 0; s < hit.Length; s++)
                sum += hit[s] * servers[pool.First + s].Speed;
            capacity[step] = sum * usual;
        }
        return capacity;
    }

    /// <summary>Share of a server's capacity that a fault leaves over a step, by samples within it.</summary>
    private static double Left(FaultSpec fault, FaultPeriod period, ServerSpec spec, double from, double to)
    {
        const int Samples = 10;
        var sum = 0.0;
        for (var i = 0; i < Samples; i++)
            sum += LeftAt(fault, period, spec, from + (to - from) * (i + 0.5) / Samples);
        return sum / Samples;
    }

    private static double LeftAt(FaultSpec fault, FaultPeriod period, ServerSpec spec, double at)
    {
        var begun = at - period.From.TotalSeconds;
        var over = at - period.To.TotalSeconds;
        if (begun < 0)
            return 1;
        if (over >= 0)
        {
            return fault.Kind == FaultKind.Down && spec.ColdFactor > 1 && over < spec.WarmsIn.TotalSeconds
                ? 1 / (1 + (spec.ColdFactor - 1) * (1 - over / spec.WarmsIn.TotalSeconds)) : 1;
        }
        return fault.Kind switch
        {
            FaultKind.Down => 0,
            FaultKind.Capacity => Math.Round(fault.Factor * spec.Concurrency) / spec.Concurrency,
            FaultKind.Slow => 1 / (1 + fault.Share * (fault.Factor - 1)),
            FaultKind.ColdCache => 1 / (1 + (fault.Factor - 1) * (1 - begun / fault.For.TotalSeconds)),
            // Errors and black holes take no worker: what comes through is as fast as ever.
            _ => 1,
        };
    }

    /// <summary>By operation class: share of what is served there that truly succeeds; null: all.</summary>
    private static double[]?[] Success(Scenario scenario, IReadOnlyList<FaultPeriod> periods, ServerPool pool,
        int steps)
    {
        var shares = new double[]?[8];
        foreach (var period in periods)
        {
            var fault = scenario.Faults[period.Fault];
            // Those messages are not in the demand; targets do nothing less for the others.
            if (Simulation.IsOfMessages(fault) && pool.IsMail)
                continue;
            var hit = period.Servers.Count(s => s >= pool.First && s < pool.First + pool.Count) / (double)pool.Count;
            var loses = fault.Kind is FaultKind.Error or FaultKind.BlackHole or FaultKind.AcceptAndLose ? fault.Share
                : fault.Kind == FaultKind.DependencyLoss && period.Sites.Contains(pool.Site) ? 1 : 0;
            if (fault.Kind == FaultKind.DependencyLoss)
                hit = 1;
            if (loses * hit <= 0)
                continue;
            for (var operation = 0; operation < shares.Length; operation++)
            {
                if (fault.Operation is { } only && (int)only != operation)
                    continue;
                var share = shares[operation] ??= Ones(steps);
                Multiply(share, scenario, period, 1 - loses * hit);
            }
        }
        return shares;
    }

    private static double[] Reachable(Scenario scenario, IReadOnlyList<FaultPeriod> periods, int site, int steps)
    {
        var share = Ones(steps);
        var weights = scenario.Edges.Sum(e => e.Weight);
        foreach (var period in periods)
        {
            var fault = scenario.Faults[period.Fault];
            if (fault.Kind is not (FaultKind.Partition or FaultKind.Pause))
                continue;
            var cut = fault.Where
                .Where(p => p.Second < 0 || FieldReader.Same(scenario.Regions[p.Second], scenario.Sites[site].Region))
                .Select(p => p.First).Distinct().Sum(e => scenario.Edges[e].Weight);
            if (cut > 0)
                Multiply(share, scenario, period, 1 - cut / weights);
        }
        return share;
    }

    /// <summary>Multiplies the steps that a period touches, weighted by how much of each it covers.</summary>
    private static void Multiply(double[] share, Scenario scenario, FaultPeriod period, double factor)
    {
        var step = scenario.Step.TotalSeconds;
        var first = Math.Max(0, (int)(period.From.TotalSeconds / step));
        for (var i = first; i < share.Length && i * step < period.To.TotalSeconds; i++)
        {
            var covered = Math.Min((i + 1) * step, period.To.TotalSeconds)
                - Math.Max(i * step, period.From.TotalSeconds);
            share[i] *= 1 - (1 - factor) * Math.Clamp(covered / step, 0, 1);
        }
    }

    private static double BaseLatency(Scenario scenario, int site)
    {
        var region = scenario.Regions.ToList().FindIndex(r => FieldReader.Same(r, scenario.Sites[site].Region));
        var delay = Enumerable.Range(0, scenario.Edges.Length)
            .Average(e => Simulation.LinkOf(scenario, e, region).Delay.TotalSeconds);
        return 2 * delay + scenario.Sites[site].Server.ServiceTimeMean.TotalSeconds
            + scenario.Sites[site].DependsOn.Sum(c => scenario.Components[c].Server.ServiceTimeMean.TotalSeconds);
    }

    private static double[] Ones(int steps)
    {
        var ones = new double[steps];
        Array.Fill(ones, 1);
        return ones;
    }
}
