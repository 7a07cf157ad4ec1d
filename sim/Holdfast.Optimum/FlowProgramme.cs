using Google.OrTools.LinearSolver;

namespace Holdfast.Optimum;

/// <summary>The time-expanded linear programme: the most that could have been served in time by somebody who knows
/// every fault and every arrival beforehand.</summary>
/// <remarks>
/// Lexicographic in priority: the goodput of the more important class is brought to its maximum and held there before
/// the next one counts. A last pass serves as early as that allows, since the maximum alone does not say when. Within
/// a stream the oldest goes first, so that "in time" needs one bound a bucket: what waits at a bucket's end arrived
/// within the last <c>DeadlineBuckets</c> buckets. No queue at a target, no service time, no delay of knowledge: it is
/// an upper bound, and what a real policy loses against it is its regret.
/// Limit: fractional requests; one bucket is the shortest time that it sees.
/// </remarks>
internal static class FlowProgramme
{
    /// <summary>How much of a class's maximum may be given up for numerical ease.</summary>
    private const double Slack = 1e-7;

    public static FlowAnswer Solve(FlowProblem problem)
    {
        var programme = Build(problem);
        using var solver = programme.Solver;
        foreach (var priority in problem.Streams.Select(s => s.Priority).Distinct().Order())
        {
            if (!Raise(programme, problem, priority))
                return FlowAnswer.None;
        }
        return ServeEarly(programme) ? Read(programme, problem) : FlowAnswer.None;
    }

    /// <param name="Served">By stream, path and bucket.</param>
    /// <param name="Waits">By stream and bucket.</param>
    private sealed record Programme(Solver Solver, Variable[][][] Served, Variable[][] Waits);

    private static Programme Build(FlowProblem problem)
    {
        var solver = Solver.CreateSolver("GLOP") ?? throw new InvalidOperationException("GLOP is not in this build.");
        var served = new Variable[problem.Streams.Length][][];
        var waits = new Variable[problem.Streams.Length][];
        for (var i = 0; i < problem.Streams.Length; i++)
            (served[i], waits[i]) = AddStream(solver, problem, problem.Streams[i]);
        AddResources(solver, problem, served);
        return new Programme(solver, served, waits);
    }

    private static (Variable[][] Served, Variable[] Waits) AddStream(Solver solver, FlowProblem problem,
        FlowStream stream)
    {
        var buckets = problem.Buckets;
        var served = stream.Paths.Select(_ => solver.MakeNumVarArray(buckets, 0, double.PositiveInfinity)).ToArray();
        var waits = new Variable[buckets];
        var recent = stream.Waiting;
        for (var t = 0; t < buckets; t++)
        {
            recent += stream.Arrivals[t];
            if (stream.DeadlineBuckets is { } within && t >= within)
                recent -= t == within ? stream.Arrivals[0] + stream.Waiting : stream.Arrivals[t - within];
            var isBounded = stream.DeadlineBuckets is not null;
            waits[t] = solver.MakeNumVar(0, isBounded ? Math.Max(0, recent) : double.PositiveInfinity, "");
            // waits[t] + served + dropped = waits[t-1] + arrivals; who is never late is never dropped.
            var arrived = stream.Arrivals[t] + (t == 0 ? stream.Waiting : 0);
            var balance = solver.MakeConstraint(isBounded ? double.NegativeInfinity : arrived, arrived);
            balance.SetCoefficient(waits[t], 1);
            if (t > 0)
                balance.SetCoefficient(waits[t - 1], -1);
            foreach (var path in served)
                balance.SetCoefficient(path[t], 1);
        }
        return (served, waits);
    }

    private static void AddResources(Solver solver, FlowProblem problem, Variable[][][] served)
    {
        for (var t = 0; t < problem.Buckets; t++)
        {
            for (var r = 0; r < problem.Resources.Length; r++)
            {
                var most = solver.MakeConstraint(double.NegativeInfinity, problem.Resources[r].PerBucket[t]);
                for (var i = 0; i < problem.Streams.Length; i++)
                {
                    for (var p = 0; p < problem.Streams[i].Paths.Length; p++)
                    {
                        if (problem.Streams[i].Paths[p].Resources.Contains(r))
                            most.SetCoefficient(served[i][p][t], 1);
                    }
                }
            }
        }
    }

    private static bool Raise(Programme programme, FlowProblem problem, int priority)
    {
        var objective = programme.Solver.Objective();
        objective.Clear();
        var counted = new List<Variable>();
        for (var i = 0; i < problem.Streams.Length; i++)
        {
            if (problem.Streams[i].Priority == priority)
                counted.AddRange(programme.Served[i].SelectMany(path => path));
        }
        foreach (var variable in counted)
            objective.SetCoefficient(variable, 1);
        objective.SetMaximization();
        if (programme.Solver.Solve() != Solver.ResultStatus.OPTIMAL)
            return false;
        var best = objective.Value();
        var keep = programme.Solver.MakeConstraint(best - Slack * Math.Max(1, best), double.PositiveInfinity);
        foreach (var variable in counted)
            keep.SetCoefficient(variable, 1);
        return true;
    }

    private static bool ServeEarly(Programme programme)
    {
        var objective = programme.Solver.Objective();
        objective.Clear();
        // Later costs more: what is served anyway is served as soon as there is room.
        foreach (var path in programme.Served.SelectMany(s => s))
        {
            for (var t = 0; t < path.Length; t++)
                objective.SetCoefficient(path[t], (double)(path.Length - t) / path.Length);
        }
        objective.SetMaximization();
        return programme.Solver.Solve() == Solver.ResultStatus.OPTIMAL;
    }

    private static FlowAnswer Read(Programme programme, FlowProblem problem)
    {
        var served = new double[problem.Streams.Length][];
        for (var i = 0; i < served.Length; i++)
        {
            served[i] = new double[problem.Buckets];
            foreach (var path in programme.Served[i])
            {
                for (var t = 0; t < path.Length; t++)
                    served[i][t] += path[t].SolutionValue();
            }
        }
        return new FlowAnswer(true, [.. served.Select(s => s.Sum())], served);
    }
}
