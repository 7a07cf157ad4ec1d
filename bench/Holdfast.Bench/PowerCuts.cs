using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Holdfast.Sim.PowerCuts;

namespace Holdfast.Bench;

/// <summary>Cuts the power on the spool by the hundred thousand, and shows that the same cuts catch a spool that leaves
/// out a sync.</summary>
internal static class PowerCuts
{
    public static Command Command()
    {
        var count = new Option<long>("--count") { Description = "Power cuts.", DefaultValueFactory = _ => 100_000 };
        var seed = new Option<int>("--seed") { Description = "First seed.", DefaultValueFactory = _ => 1 };
        var faults = new Option<double>("--faults")
        {
            Description = "Share of disk operations that fail, too.", DefaultValueFactory = _ => 0,
        };
        var mutant = new Option<PowerCutMutant>("--mutant")
        {
            Description = "Leave this out of the spool: the run must then fail.",
            DefaultValueFactory = _ => PowerCutMutant.None,
        };
        var threads = new Option<int>("--threads")
        {
            Description = "Seeds at a time.", DefaultValueFactory = _ => Environment.ProcessorCount,
        };
        var command = new Command("power-cuts",
            "Power cuts on a simulated disk that drops and tears what was not synced; 0 acknowledged messages may be "
            + "lost.\nExample: bench power-cuts --count 100000 --seed 1")
        {
            count, seed, faults, mutant, threads,
        };
        command.SetAction(parse => Run(parse.GetValue(count), parse.GetValue(seed), parse.GetValue(threads),
            new PowerCutPlan(parse.GetValue(mutant), parse.GetValue(faults))));
        return command;
    }

    private static int Run(long count, int firstSeed, int threads, PowerCutPlan plan)
    {
        var watch = Stopwatch.StartNew();
        var gate = new Lock();
        var tally = new PowerCutTally();
        var next = firstSeed;
        var shown = 0L;
        PowerCutFault? fault = null;
        var workers = Enumerable.Range(0, threads).Select(_ => new Thread(Work)).ToList();
        workers.ForEach(w => w.Start());
        workers.ForEach(w => w.Join());
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{tally.Cuts} power cuts in {watch.Elapsed.TotalSeconds:F0} s, seeds {firstSeed} to {next - 1}: "
            + $"{tally.Stored} messages acknowledged, {(fault is null ? "0 lost" : "a promise broken")}, "
            + $"{tally.Refused} refused, {tally.Reappeared} possible duplicates (their end was not synced), "
            + $"{tally.Compacted} segments given back"));
        if (fault is not null)
            Console.WriteLine(fault.Message);
        var isMutant = plan.Mutant != PowerCutMutant.None;
        if (isMutant)
            Console.WriteLine(fault is null ? "The mutant was NOT caught." : "The mutant was caught.");
        return fault is not null == isMutant ? 0 : 1;

        void Work()
        {
            while (true)
            {
                int seed;
                lock (gate)
                {
                    if (tally.Cuts >= count || fault is not null)
                        return;
                    seed = next++;
                }
                try
                {
                    var one = PowerCutRun.Run(seed, plan);
                    lock (gate)
                    {
                        tally += one;
                        if (tally.Cuts - shown < 10_000)
                            continue;
                        shown = tally.Cuts;
                        Console.WriteLine($"  {tally.Cuts} cuts, {tally.Stored} messages");
                    }
                }
                catch (PowerCutFault e)
                {
                    lock (gate)
                        fault ??= e;
                }
            }
        }
    }
}
