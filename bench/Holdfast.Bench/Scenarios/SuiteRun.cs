using Holdfast.Optimum;
using Holdfast.Sim.Checkers;
using Holdfast.Sim.Policies;
using Holdfast.Sim.Reports;
using Holdfast.Sim.Runs;
using Holdfast.Sim.Scenarios;

namespace Holdfast.Bench.Scenarios;

/// <summary>One scenario under every policy, with the optimum of its world.</summary>
internal sealed record SuiteRow(Scenario Scenario, OptimumResult Optimum, IReadOnlyList<SuiteCell> Cells)
{
    public SuiteCell Ours => Cells[0];
}

/// <summary>What a policy came to in a scenario.</summary>
/// <param name="Regret">1 − served in time / optimum.</param>
/// <param name="DrainedAt">When the backlog of the start was gone; null: never, or there was none.</param>
/// <param name="ConvergedAfter">From healing to 99 % of the optimum for good; null: never, or nothing heals.</param>
internal sealed record SuiteCell(
    string Policy, RunFigures Figures, double Regret, TimeSpan? ConvergedAfter, DetectionFigures Detection,
    RunTotals Totals, TimeSpan? DrainedAt, IReadOnlyList<Breach> Breaches)
{
    /// <summary>When for the first time nothing waited any more; null: never.</summary>
    public static TimeSpan? Drained(RunRecord run)
    {
        for (var i = 0; i < run.Steps; i++)
        {
            if (run.Services.All(s => s.Waiting[i] <= 1) && run.Scenario.Workloads.Any(w => w.Backlog > 0))
                return run.Step * (i + 1);
        }
        return null;
    }

    /// <summary>Healthy targets closed without a cause, and targets that crashed under what was sent to them.</summary>
    public int HealthyLost => Detection.FalseAlarms + Figures.Crashes;
}

/// <summary>Runs the scenarios, as many at a time as there are processors.</summary>
internal static class SuiteRun
{
    public static List<SuiteRow> Run(IReadOnlyList<Scenario> scenarios, IReadOnlyList<NamedPolicy> policies,
        Action<SuiteRow> done)
    {
        var rows = new SuiteRow[scenarios.Count];
        var gate = new Lock();
        Parallel.For(0, scenarios.Count, i =>
        {
            rows[i] = Run(scenarios[i], policies);
            lock (gate)
                done(rows[i]);
        });
        return [.. rows];
    }

    public static SuiteRow Run(Scenario scenario, IReadOnlyList<NamedPolicy> policies)
    {
        OptimumResult? optimum = null;
        var cells = new List<SuiteCell>();
        foreach (var policy in policies)
        {
            var run = Simulation.Run(scenario, policy);
            // The world is the same whoever decides.
            optimum ??= new LinearOptimum().Solve(run.World);
            cells.Add(new SuiteCell(policy.Name, RunFigures.Of(run, optimum),
                optimum.Total > 0 ? 1 - run.Totals.Served / optimum.Total : 0,
                ConvergenceChecker.TimeToConverge(run, optimum), DetectionFigures.Of(run), run.Totals, SuiteCell.Drained(run),
                RunCheckers.Check(run, optimum)));
        }
        return new SuiteRow(scenario, optimum!, cells);
    }
}
