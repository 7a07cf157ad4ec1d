using System.CommandLine;
using System.Globalization;
using System.Net.Http.Json;
using Holdfast.Configuration;
using Holdfast.Operator;
using Holdfast.Traffic.Acts;

namespace Holdfast.Commands;

/// <summary>Moves traffic by hand: says first what that would do, then asks, then does it.</summary>
internal static class TrafficActCommand
{
    public static IEnumerable<Command> All()
    {
        yield return Create(ActKind.Drain, "Place nothing new on a region, site or target; what runs there ends.",
            "holdfast drain mail-na --for 2h --because \"maintenance 4711\"", "holdfast drain na --dry-run");
        yield return Create(ActKind.Undrain, "End a drain before it expires.", "holdfast undrain mail-na");
        yield return Create(ActKind.Pin, "Place a service's traffic on this region or site and nowhere else.",
            "holdfast pin mail-eu --for 30m");
        yield return Create(ActKind.Unpin, "End a pin before it expires.", "holdfast unpin mail-eu");
        yield return Create(ActKind.Weight, "Give a region, site or target only a part of what it would get.",
            "holdfast weight mail-na 0.5 --for 1h", "holdfast weight mail-na 1");
        yield return Create(ActKind.Freeze, "Keep verdicts, limits and shares as they are, whatever is seen.",
            "holdfast freeze mail-na --for 15m");
        yield return Create(ActKind.Unfreeze, "End a freeze before it expires.", "holdfast unfreeze mail-na");
        yield return List();
    }

    private static ExampledCommand Create(ActKind kind, string description, params string[] examples)
    {
        var verb = kind.ToString().ToLowerInvariant();
        var command = new ExampledCommand(verb, description, examples);
        var name = new Argument<string>("NAME") { Description = "A region, a site, or a target as site/address" };
        command.Add(name);
        var weight = new Argument<double>("WEIGHT") { Description = "Part of what it would get: 0 to 1; 1 ends it" };
        if (kind == ActKind.Weight)
        {
            weight.Validators.Add(result =>
            {
                if (result.Tokens.Count == 1 && !(double.TryParse(result.Tokens[0].Value, NumberStyles.Float,
                        CultureInfo.InvariantCulture, out var value) && value is >= 0 and <= 1))
                    result.AddError("WEIGHT: a number from 0 to 1, for example 0.5");
            });
            weight.CustomParser = static result => double.Parse(result.Tokens[0].Value, NumberStyles.Float,
                CultureInfo.InvariantCulture);
            command.Add(weight);
        }
        var scope = new Option<string?>("--scope")
        {
            Description = "What NAME is, where a site and a region share it: region, site or target",
            HelpName = "SCOPE",
        };
        scope.AcceptOnlyFromAmong("region", "site", "target");
        command.Add(scope);
        var term = new Option<string?>("--for")
        {
            Description = "How long it holds: 1s to 30d (1h unless given)", HelpName = "TIME",
        };
        term.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !(Quantity.TryParseDuration(result.Tokens[0].Value, out var value)
                    && value >= TrafficDesk.ForMin && value <= TrafficDesk.ForMax))
                result.AddError("--for: a time from 1s to 30d, for example 2h or 90m");
        });
        if (kind is ActKind.Drain or ActKind.Pin or ActKind.Weight or ActKind.Freeze)
            command.Add(term);
        var because = new Option<string?>("--because")
        {
            Description = "Why, for the evidence and for those who look later", HelpName = "TEXT",
        };
        var dryRun = new Option<bool>("--dry-run", "-n") { Description = "Only say what it would do" };
        var yes = new Option<bool>("--yes", "-y") { Description = "Don't ask" };
        command.Add(because);
        command.Add(dryRun);
        command.Add(yes);
        var server = new ServerChoice(command);
        var json = JsonOption.Create();
        command.Add(json);
        command.SetAction(async (parsed, abort) =>
        {
            var output = parsed.InvocationConfiguration.Output;
            var error = parsed.InvocationConfiguration.Error;
            var request = new TrafficActRequest(kind, parsed.GetValue(name),
                parsed.GetValue(scope) is { } s ? Enum.Parse<ActScope>(s, ignoreCase: true) : null,
                kind == ActKind.Weight ? parsed.GetValue(weight) : null,
                parsed.GetValue(term) is { } t && Quantity.TryParseDuration(t, out var time) ? time.TotalSeconds : null,
                parsed.GetValue(because), DryRun: true);
            using var client = server.Connect(parsed);
            var foretold = await PostAsync(client, request, abort);
            var asJson = parsed.GetValue(json);
            if (!asJson)
                Write(output, foretold);
            if (parsed.GetValue(dryRun) || !foretold.Prediction.IsAllowed)
            {
                if (asJson)
                    JsonOption.Write(output, foretold, OperatorJson.Default.TrafficActView);
                return foretold.Prediction.IsAllowed ? ExitCode.Ok : ExitCode.Failed;
            }
            if (!parsed.GetValue(yes) && !Confirmation.Asked(error, foretold.Act + "?"))
            {
                error.WriteLine("nothing was changed");
                return ExitCode.NotConfirmed;
            }
            var done = await PostAsync(client, request with { DryRun = false }, abort);
            if (asJson)
                JsonOption.Write(output, done, OperatorJson.Default.TrafficActView);
            else
                output.WriteLine(Terminal.Printable(done.Sentence));
            return done.IsApplied ? ExitCode.Ok : ExitCode.Failed;
        });
        return command;
    }

    private static async Task<TrafficActView> PostAsync(OperatorClient client, TrafficActRequest request,
        CancellationToken abort)
    {
        using var body = JsonContent.Create(request, OperatorJson.Default.TrafficActRequest);
        return await client.PostAsync("/api/v1/traffic/act", body, OperatorJson.Default.TrafficActView, abort);
    }

    private static void Write(TextWriter output, TrafficActView foretold)
    {
        output.WriteLine($"{Terminal.Printable(foretold.Act)}: {Terminal.Printable(foretold.Prediction.Sentence)}");
        if (foretold.Prediction.Shifts.Count == 0)
            return;
        Terminal.WriteTable(output, ["Service", "Site", "Now/s", "Then/s", "Proven/s"],
            [.. foretold.Prediction.Shifts.Select(s => (IReadOnlyList<Cell>)
                [s.Service, s.Site, Number(s.Before), Number(s.After), Number(s.Proven)])]);
    }

    private static ExampledCommand List()
    {
        var command = new ExampledCommand("acts", "List the acts of operators that are in force.",
            "holdfast acts", "holdfast acts --json");
        var server = new ServerChoice(command);
        var json = JsonOption.Create();
        command.Add(json);
        command.SetAction(async (parsed, abort) =>
        {
            using var client = server.Connect(parsed);
            var acts = await client.GetAsync("/api/v1/traffic/acts", OperatorJson.Default.IReadOnlyListActView, abort);
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json))
                JsonOption.Write(output, acts, OperatorJson.Default.IReadOnlyListActView);
            else if (acts.Count == 0)
                output.WriteLine("no act is in force");
            else
                WriteActs(output, acts);
            return ExitCode.Ok;
        });
        return command;
    }

    internal static void WriteActs(TextWriter output, IReadOnlyList<ActView> acts) => Terminal.WriteTable(output,
        ["Act", "On", "Until", "By", "Because"], [.. acts.Select(a => (IReadOnlyList<Cell>)
        [
            a.Kind.ToString().ToLowerInvariant()
                + (a.Kind == ActKind.Weight ? " " + Number(a.Weight) : ""),
            $"{a.Scope.ToString().ToLowerInvariant()} {a.Name}", Moment.Of(a.Until), a.Actor, a.Reason,
        ])]);

    private static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);
}
