using System.CommandLine;
using System.Globalization;
using System.Text.Json.Serialization;
using Holdfast.Watch.Localise;
using Holdfast.Watch.Recorded;

namespace Holdfast.Commands;

/// <summary><c>holdfast replay breakdown</c>: where failures come from.</summary>
internal static class ReplayBreakdown
{
    public static Command Create()
    {
        var command = new ExampledCommand("breakdown",
            "Rank what explains failures. FILE has columns requests and failures, may have expected failures, and any "
            + "dimensions beside them; - reads standard input.",
            "holdfast replay breakdown examples/breakdown.csv",
            "holdfast replay breakdown failures.csv --top 5 --json");
        var file = new Argument<string>("FILE") { Description = "CSV file (docs/reference/replay.md)" };
        var top = new Option<int>("--top")
        {
            Description = "How many explanations", HelpName = "N", DefaultValueFactory = _ => 3,
        };
        top.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !(int.TryParse(result.Tokens[0].Value, NumberStyles.None,
                CultureInfo.InvariantCulture, out var n) && n is >= 1 and <= 100))
                result.AddError("--top is a number of 1 to 100");
        });
        var json = JsonOption.Create();
        command.Add(file);
        command.Add(top);
        command.Add(json);
        command.SetAction(parsed =>
        {
            var cube = ReplayCommand.Read(parsed.GetValue(file)!, r => (BreakdownFile.Read(r, out var fault), fault),
                parsed.InvocationConfiguration.Error);
            if (cube is null)
                return ExitCode.ConfigurationInvalid;
            var breakdown = new Localiser(cube, new()).Explain();
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json))
                JsonOption.Write(output, BreakdownView.Of(breakdown, parsed.GetValue(top)),
                    BreakdownJson.Default.BreakdownView);
            else
                Tell(cube, breakdown, parsed.GetValue(top), output);
            return ExitCode.Ok;
        });
        return command;
    }

    private static void Tell(FailureCube cube, Breakdown breakdown, int top, TextWriter output)
    {
        output.WriteLine(Invariant($"{breakdown.Observed:#,0.##} failures of {breakdown.Requests:#,0.##} requests in ")
            + Invariant($"{cube.Leaves:N0} rows of {cube.Dimensions.Count} dimensions."));
        if (breakdown.Explanations.Count == 0)
        {
            output.WriteLine("No combination stands out.");
            return;
        }
        output.WriteLine(Invariant($"{breakdown.Excess:#,0.#} of them are beyond the expected:"));
        var number = 0;
        foreach (var e in breakdown.Explanations.Take(top))
        {
            output.WriteLine(Invariant($"{++number}. ") + Terminal.Printable(Name(e)) + Invariant(
                $": {e.Observed:#,0.#} failures, {e.Expected:#,0.#} expected; explains {
                    100 * e.Share:0.#} % of the excess."));
        }
        if (breakdown.Explanations.Count > top)
        {
            output.WriteLine(Invariant($"{breakdown.Explanations.Count - top} more: --top {
                breakdown.Explanations.Count}."));
        }
        output.WriteLine(Invariant($"All others are normal: {breakdown.RestObserved:#,0.#} failures."));
    }

    private static string Name(Explanation explanation) =>
        string.Join(", ", explanation.Terms.Select(t => $"{t.Dimension}={t.Value}"));

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}

/// <summary>Explanations as scripts read them; documented in docs/reference/replay.md.</summary>
internal sealed record BreakdownView(double Requests, double Observed, double Excess, double RestObserved,
    double RestRatio, double Error, int Found, IReadOnlyList<ExplanationView> Explanations)
{
    public static BreakdownView Of(Breakdown breakdown, int top) => new(ReplayCommand.Rounded(breakdown.Requests),
        ReplayCommand.Rounded(breakdown.Observed), ReplayCommand.Rounded(breakdown.Excess),
        ReplayCommand.Rounded(breakdown.RestObserved), ReplayCommand.Rounded(breakdown.RestRatio),
        ReplayCommand.Rounded(breakdown.Error), breakdown.Explanations.Count,
        [.. breakdown.Explanations.Take(top).Select((e, i) => new ExplanationView(i + 1,
            e.Terms.ToDictionary(t => t.Dimension, t => t.Value, StringComparer.Ordinal),
            ReplayCommand.Rounded(e.Requests),
            ReplayCommand.Rounded(e.Observed), ReplayCommand.Rounded(e.Expected), ReplayCommand.Rounded(e.Share),
            ReplayCommand.Rounded(e.Nats)))]);
}

/// <summary>One of them.</summary>
internal sealed record ExplanationView(int Rank, IReadOnlyDictionary<string, string> Where, double Requests,
    double Observed, double Expected, double Share, double Nats);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(BreakdownView))]
internal sealed partial class BreakdownJson : JsonSerializerContext;
