using Holdfast.Sim.Runs;

namespace Holdfast.Sim.Checkers;

/// <summary>Attempts ≤ 1.12 × requests + 1/s: retries and hedges never amplify a failure.</summary>
/// <remarks>A client's own retry is a request to us, and so is mail that waits already. Counted over the whole run,
/// since the budget is a bucket.</remarks>
internal sealed class AttemptsChecker : IRunChecker
{
    public const double Factor = 1.12;
    public const double PerSecond = 1;

    public string Name => "attempts";
    public bool IsForEveryPolicy => false;

    public IEnumerable<Breach> Check(RunRecord run, OptimumResult? optimum)
    {
        var seconds = (run.Step * run.Steps).TotalSeconds;
        var requests = run.Totals.Offered + ConservationChecker.Backlog(run);
        var most = Factor * requests + PerSecond * seconds;
        if (run.Totals.Attempts > most)
        {
            yield return new Breach(Name, run.Step * run.Steps, FormattableString.Invariant(
                $"{run.Totals.Attempts} attempts, {requests} requests in {seconds:0} s; most: {most:0}"));
        }
    }
}
