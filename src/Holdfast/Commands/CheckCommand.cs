using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Holdfast.Configuration;

namespace Holdfast.Commands;

/// <summary><c>holdfast check</c>: every fault of a configuration, nothing started.</summary>
internal static class CheckCommand
{
    public static Command Create()
    {
        var command = new ExampledCommand("check",
            "Check a configuration file: every fault with its line and what to do about it. Starts nothing.",
            "holdfast check --config examples/two-sites.json", "holdfast check --config new.json --json");
        var config = new Option<string>("--config", "-c")
        {
            Description = "Configuration file", HelpName = "FILE", Required = true,
        };
        var json = JsonOption.Create();
        command.Add(config);
        command.Add(json);
        command.SetAction(parsed => Check(parsed.GetValue(config)!, parsed.GetValue(json),
            parsed.InvocationConfiguration.Output));
        return command;
    }

    private static int Check(string file, bool asJson, TextWriter output)
    {
        using var rules = Composition.BuildRules();
        var (snapshot, faults) = new ConfigurationLoader(rules).LoadFile(file);
        if (asJson)
        {
            var report = new CheckReport(file, snapshot is not null,
                [.. faults.Select(f => new FaultView(f.At.Line, f.At.Column, f.Key, f.Problem, f.Suggestion))]);
            output.WriteLine(JsonSerializer.Serialize(report, CheckJson.Default.CheckReport));
        }
        else
        {
            foreach (var fault in faults)
                output.WriteLine(Terminal.Printable(fault.Describe(file)));
            output.WriteLine(snapshot is not null ? $"{file}: no faults" : $"{file}: {Count(faults.Count)}");
        }
        return snapshot is not null ? ExitCode.Ok : ExitCode.ConfigurationInvalid;
    }

    public static string Count(int faults) => faults == 1 ? "1 fault" : $"{faults} faults";
}

/// <summary>What <c>check --json</c> writes.</summary>
internal sealed record CheckReport(string File, bool IsValid, IReadOnlyList<FaultView> Faults);

internal sealed record FaultView(int Line, int Column, string Key, string Problem, string? Suggestion);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true)]
[JsonSerializable(typeof(CheckReport))]
[JsonSerializable(typeof(string[]))]
internal sealed partial class CheckJson : JsonSerializerContext;
