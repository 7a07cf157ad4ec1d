using Holdfast.Fuzz;

namespace Holdfast.Tests;

/// <summary>A short run of every fuzz target: its corpus and the first mutations of a fixed seed. Longer runs: see
/// docs/HACKING.md.</summary>
public class FuzzTests
{
    private const int Seed = 1;
    private const int Inputs = 1500;

    public static TheoryData<string> Targets => [.. FuzzTable.All.Select(t => t.Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public void A_parser_keeps_its_promises_over_its_corpus_and_mutations_of_it(string name)
    {
        var target = FuzzTable.All.Single(t => t.Name == name);
        var corpus = Corpus.Of(Corpus.Default, target).ToArray();
        Assert.NotEmpty(corpus);
        var run = new FuzzRun(target, Seed, TimeProvider.System);
        var find = run.Replay(corpus) ?? run.Mutate(TimeSpan.FromSeconds(60), target.IsSlow ? Inputs / 10 : Inputs);
        Assert.True(find is null, find is null ? "" : $"{find.Origin}: {Corpus.Show(run.Minimise(find))}\n{find.Fault}");
    }

    [Fact]
    public void A_broken_promise_is_found_and_its_input_made_small()
    {
        var target = new FuzzTarget("broken", input =>
        {
            Promise.Holds(input.IndexOf("BUG"u8) < 0, "no bugs");
            return input.Length;
        }, ["BUG"u8.ToArray()]);
        var run = new FuzzRun(target, Seed, TimeProvider.System);
        Assert.Null(run.Replay([("seed", "some text that is longer"u8.ToArray())]));
        var find = run.Mutate(TimeSpan.FromSeconds(60), 10_000);
        Assert.NotNull(find);
        Assert.Equal("BUG"u8.ToArray(), run.Minimise(find));
    }

    [Fact]
    public void The_same_seed_makes_the_same_inputs()
    {
        static List<string> Made(int seed)
        {
            var made = new List<string>();
            var target = new FuzzTarget("recorded", input =>
            {
                made.Add(Convert.ToHexString(input));
                return input.Length;
            }, ["token"u8.ToArray()]);
            var run = new FuzzRun(target, seed, TimeProvider.System);
            run.Replay([("seed", "text 12 and more"u8.ToArray())]);
            run.Mutate(TimeSpan.FromSeconds(60), 2000);
            return made;
        }
        Assert.Equal(Made(7), Made(7));
        Assert.NotEqual(Made(7), Made(8));
    }
}
