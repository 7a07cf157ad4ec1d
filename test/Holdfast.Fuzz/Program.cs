using System.CommandLine;
using Holdfast.Fuzz;

var name = new Argument<string>("target")
{
    Description = "One of: all, " + string.Join(", ", FuzzTable.All.Select(t => t.Name)),
};
var seconds = new Option<double>("--seconds") { Description = "Time for each target", DefaultValueFactory = _ => 10 };
var runs = new Option<long>("--inputs")
{
    Description = "Most inputs for each target; with it a run doesn't depend on time",
    DefaultValueFactory = _ => long.MaxValue,
};
var seed = new Option<int?>("--seed") { Description = "Without it one is taken from the clock, and printed" };
var corpus = new Option<string>("--corpus")
{
    Description = "Directory with a folder of inputs for each target", DefaultValueFactory = _ => Corpus.Default,
};
var output = new Option<string>("--out")
{
    Description = "Directory for inputs that break a promise",
    DefaultValueFactory = _ => Path.Combine("artifacts", "fuzz"),
};
var root = new RootCommand("Mutates inputs of parsers and looks for broken promises; exit code 1 when it finds one.")
{
    name, seconds, runs, seed, corpus, output,
};
root.SetAction(result =>
{
    var chosen = FuzzTable.All.Where(t => result.GetValue(name) is var n && (n == "all" || n == t.Name)).ToArray();
    if (chosen.Length == 0)
    {
        Console.Error.WriteLine($"no target '{result.GetValue(name)}': {name.Description}");
        return 2;
    }
    var time = TimeProvider.System;
    var session = new FuzzSession(time, result.GetValue(corpus)!, result.GetValue(output)!, Console.Out,
        result.GetValue(seed) ?? (int)(time.GetTimestamp() & int.MaxValue));
    var found = 0;
    foreach (var target in chosen)
        found += session.Run(target, TimeSpan.FromSeconds(result.GetValue(seconds)), result.GetValue(runs)) ? 0 : 1;
    return found > 0 ? 1 : 0;
});
return await root.Parse(args).InvokeAsync();
