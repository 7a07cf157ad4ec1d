using System.Globalization;

namespace Holdfast.Fuzz;

/// <summary>Fuzzes targets one by one for a person: tells rate and seed, keeps what was found.</summary>
internal sealed class FuzzSession(TimeProvider time, string corpus, string output, TextWriter log, int seed)
{
    private static readonly TimeSpan HangAfter = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan HangLook = TimeSpan.FromSeconds(5);

    /// <summary>False when a promise was broken.</summary>
    public bool Run(FuzzTarget target, TimeSpan length, long inputsMax)
    {
        var run = new FuzzRun(target, seed, time);
        using var watch = time.CreateTimer(_ => ExitOnHang(target, run), null, HangLook, HangLook);
        var start = time.GetTimestamp();
        var find = run.Replay(Corpus.Of(corpus, target)) ?? run.Mutate(length, inputsMax);
        var took = time.GetElapsedTime(start);
        log.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{target.Name,-14} seed {seed}: {run.Inputs} inputs in {took.TotalSeconds:0.0} s, "
            + $"{run.Inputs / took.TotalSeconds:0} a second, {run.Shapes} shapes"));
        if (find is null)
            return true;
        var least = run.Minimise(find);
        var file = Corpus.Write(output, target.Name, least);
        log.WriteLine($"{target.Name}: FOUND by {find.Origin}, {find.Input.Length} octets, {least.Length} minimised");
        log.WriteLine($"  {Corpus.Show(least)}");
        log.WriteLine($"  written to {file}");
        log.WriteLine(run.Try(least) ?? find.Fault);
        return false;
    }

    private void ExitOnHang(FuzzTarget target, FuzzRun run)
    {
        if (run.Current is not { } input || time.GetElapsedTime(run.StartedAt) < HangAfter)
            return;
        log.WriteLine($"{target.Name} seed {seed}: FOUND an input that never ends, written to "
            + Corpus.Write(output, target.Name, input));
        log.Flush();
        Environment.Exit(1);
    }
}
