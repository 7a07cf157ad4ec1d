using Holdfast.Sim.Runs;

namespace Holdfast.Optimum;

/// <summary>Makes the linear programme of a simulated world and reads its answer back.</summary>
/// <remarks>
/// Steps are gathered into at most 240 buckets, so that a scenario is solved in a second or two; a deadline counts
/// whole buckets, rounded up, which favours the optimum. Sites of a service that nothing tells apart are one resource.
/// Services that share no component are solved one by one. A site that only some edges reach gets at most what arrives
/// at those.
/// </remarks>
internal sealed class LinearOptimum : IOptimum
{
    public OptimumResult Solve(TrueWorld world)
    {
        var services = world.Demands.Select(d => d.Service).Concat(world.Sites.Select(s => s.Service))
            .DefaultIfEmpty(-1).Max() + 1;
        var goodput = new double[world.Steps];
        var byService = new double[services][];
        for (var service = 0; service < services; service++)
            byService[service] = new double[world.Steps];
        var isSolved = true;
        foreach (var group in Groups(world, services))
            isSolved &= Solve(world, group, byService);
        foreach (var service in byService)
        {
            for (var i = 0; i < world.Steps; i++)
                goodput[i] += service[i];
        }
        var width = WorldBuckets.Width(world);
        var note = FormattableString.Invariant($"linear programme, buckets of {width * world.Step.TotalSeconds:0.#} s")
            + (isSolved ? "" : "; not solved for some services, whose optimum is shown as 0");
        return new OptimumResult(goodput, byService, goodput.Sum(), DrainedAt(world), note);
    }

    /// <summary>Services that share a component share its capacity.</summary>
    private static List<List<int>> Groups(TrueWorld world, int services)
    {
        var group = Enumerable.Range(0, services).ToArray();
        foreach (var component in Enumerable.Range(0, world.Components.Length))
        {
            var users = world.Sites.Where(s => s.DependsOn.Contains(component)).Select(s => group[s.Service])
                .Distinct().ToList();
            for (var i = 0; i < services && users.Count > 1; i++)
            {
                if (users.Contains(group[i]))
                    group[i] = users[0];
            }
        }
        return [.. Enumerable.Range(0, services).GroupBy(s => group[s]).Select(g => g.ToList())];
    }

    private static bool Solve(TrueWorld world, List<int> services, double[][] byService)
    {
        var (problem, serviceOf) = WorldProblem.Make(world, services);
        if (problem.Streams.Length == 0)
            return true;
        var answer = FlowProgramme.Solve(problem);
        if (!answer.IsSolved)
            return false;
        var width = WorldBuckets.Width(world);
        for (var i = 0; i < problem.Streams.Length; i++)
            WorldBuckets.Spread(answer.ServedPerBucket[i], width, byService[serviceOf[i]]);
        return true;
    }

    private static TimeSpan? DrainedAt(TrueWorld world)
    {
        var backlog = world.Demands.Sum(d => d.Backlog);
        if (backlog <= 0)
            return null;
        var service = world.Demands.First(d => d.Backlog > 0).Service;
        var capacity = new double[world.Steps];
        var fresh = new double[world.Steps];
        foreach (var site in world.Sites.Where(s => s.Service == service))
        {
            for (var i = 0; i < world.Steps; i++)
                capacity[i] += site.Capacity[i] * world.Step.TotalSeconds;
        }
        foreach (var demand in world.Demands.Where(d => d.Service == service))
        {
            for (var i = 0; i < world.Steps; i++)
                fresh[i] += demand.Arrivals[i];
        }
        return DrainBound.Seconds(backlog, capacity, fresh, world.Step.TotalSeconds) is { } seconds
            ? TimeSpan.FromSeconds(seconds) : null;
    }
}
