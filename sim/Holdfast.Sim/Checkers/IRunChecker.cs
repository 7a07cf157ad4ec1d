using Holdfast.Sim.Runs;

namespace Holdfast.Sim.Checkers;

/// <summary>One invariant, looked for in what a run left behind.</summary>
/// <remarks>Has no state; a checker that can't judge a run (no healing, no optimum) finds nothing.</remarks>
internal interface IRunChecker
{
    string Name { get; }

    /// <summary>True for what the simulator itself owes under any policy; false for what our engine promises.</summary>
    bool IsForEveryPolicy { get; }

    /// <param name="optimum">Null: the host carries no programme.</param>
    IEnumerable<Breach> Check(RunRecord run, OptimumResult? optimum);
}

/// <summary>Where a run broke an invariant.</summary>
/// <param name="Sentence">What was expected and what was found, with figures.</param>
internal readonly record struct Breach(string Checker, TimeSpan At, string Sentence)
{
    public override string ToString() =>
        FormattableString.Invariant($"{Checker} at {At.TotalSeconds:0.#} s: {Sentence}");
}
