using System.CommandLine;
using Holdfast.Operator;

namespace Holdfast.Commands;

/// <summary><c>holdfast route ADDRESS</c>: where a recipient's mail would go now, and why.</summary>
internal static class RouteCommand
{
    public static Command Create()
    {
        var command = new ExampledCommand("route",
            "Tell which rule, service, sites and targets a recipient would take now, and why.",
            "holdfast route ann@example.com", "holdfast route ann@example.com --json");
        var address = new Argument<string>("ADDRESS") { Description = "Recipient" };
        address.Validators.Add(result =>
        {
            // A bare postmaster is routed by its listener, never by a rule.
            if (result.Tokens.Count != 1 || result.Tokens[0].Value.LastIndexOf('@') is not (> 0 and var at)
                || at == result.Tokens[0].Value.Length - 1)
                result.AddError("give a recipient's whole address, for example ann@example.com");
        });
        var server = new ServerChoice(command);
        var json = JsonOption.Create();
        command.Add(address);
        command.Add(json);
        command.SetAction(async (parsed, abort) =>
        {
            using var client = server.Connect(parsed);
            var path = "/api/v1/route" + QueryString.Create("address", parsed.GetValue(address)!);
            var route = await client.GetAsync(path, OperatorJson.Default.RouteExplanation, abort);
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json))
            {
                JsonOption.Write(output, route, OperatorJson.Default.RouteExplanation);
            }
            else
            {
                output.WriteLine(Terminal.Printable(route.Summary));
                output.WriteLine($"rule: {route.Rule ?? "none"}; service: {route.Service ?? "none"}");
                if (route.Steps.Count > 0)
                    Terminal.WriteTable(output, ["Site", "Target", "Verdict", "Used now", "Why"],
                        [.. route.Steps.Select(s => (IReadOnlyList<Cell>)
                            [s.Site, s.Target, Cell.State(s.Verdict), s.WouldBeUsed ? "yes" : "no", s.Why])]);
            }
            return route.Rule is null ? ExitCode.NothingMatched : ExitCode.Ok;
        });
        return command;
    }
}
