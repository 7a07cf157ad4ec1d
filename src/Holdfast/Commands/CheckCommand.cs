using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Holdfast.Configuration;
using Holdfast.Mail.Receive;
using Holdfast.Storage.Keys;
using Holdfast.Web;
using Holdfast.Web.Accept;
using Holdfast.Web.Forward;

namespace Holdfast.Commands;

/// <summary><c>holdfast check</c>: every fault of a configuration and of the files it names,
/// nothing started.</summary>
internal static class CheckCommand
{
    public static Command Create()
    {
        var command = new ExampledCommand("check",
            "Check a configuration file and the files that it names (certificates, keys, users, recipients, "
            + "domains): every fault with its line and what to do about it. Starts nothing.",
            "holdfast check --config examples/two-sites.json", "holdfast check --config new.json --json",
            "holdfast check --config for-another-machine.json --without-files");
        var config = new Option<string>("--config", "-c")
        {
            Description = "Configuration file", HelpName = "FILE", Required = true,
        };
        var withoutFiles = new Option<bool>("--without-files")
        {
            Description = "Don't look at the files that it names: they are on another machine",
        };
        var json = JsonOption.Create();
        command.Add(config);
        command.Add(withoutFiles);
        command.Add(json);
        command.SetAction(async (parsed, abort) =>
        {
            var file = parsed.GetValue(config)!;
            var (faults, warnings) = await FindAsync(file, !parsed.GetValue(withoutFiles), abort);
            return Tell(file, faults, warnings, parsed.GetValue(json), parsed.InvocationConfiguration.Output);
        });
        return command;
    }

    private static async Task<(IReadOnlyList<ConfigurationFault> Faults, IReadOnlyList<ConfigurationFault> Warnings)>
        FindAsync(string file, bool withFiles, CancellationToken abort)
    {
        using var rules = Composition.BuildRules();
        var result = new ConfigurationLoader(rules).LoadFile(file);
        if (result.Readable is not { } readable)
            return (result.Faults, []);
        var warnings = ConfigurationWarnings.Find(readable);
        if (!withFiles)
            return (result.Faults, warnings);
        var now = TimeProvider.System.GetUtcNow();
        var accept = readable.Get<AcceptOptions>();
        var mail = await NamedFiles.FindFaultsAsync(readable.Get<ReceiveOptions>(), now, abort);
        var web = await WebFiles.FindFaultsAsync(accept, readable.Get<ForwardOptions>(), now, abort);
        return (InOrder(result.Faults.Concat(mail.Select(f => Place("Holdfast:Mail:Receive:", f)))
            .Concat(web.Select(f => Place("Holdfast:Web:", f)))),
            InOrder(warnings.Concat(WebFiles.FindLacks(accept).Select(f => Place("Holdfast:Web:", f)))));

        ConfigurationFault Place(string section, NamedFileFault fault) => new(
            ConfigurationLoader.Nearest(readable.Root, section + fault.Key).At, section + fault.Key, fault.Problem,
            fault.Suggestion);

        static ConfigurationFault[] InOrder(IEnumerable<ConfigurationFault> faults) =>
            [.. faults.OrderBy(f => f.At.Line).ThenBy(f => f.At.Column)];
    }

    private static int Tell(string file, IReadOnlyList<ConfigurationFault> faults,
        IReadOnlyList<ConfigurationFault> warnings, bool asJson, TextWriter output)
    {
        var isValid = faults.Count == 0;
        if (asJson)
        {
            var report = new CheckReport(file, isValid, View(faults), View(warnings));
            output.WriteLine(JsonSerializer.Serialize(report, CheckJson.Default.CheckReport));
        }
        else
        {
            foreach (var fault in faults)
                output.WriteLine(Terminal.Printable(fault.Describe(file)));
            foreach (var warning in warnings)
                output.WriteLine("warning: " + Terminal.Printable(warning.Describe(file)));
            output.WriteLine(isValid ? $"{file}: no faults" : $"{file}: {ConfigurationFault.Count(faults.Count)}");
        }
        return isValid ? ExitCode.Ok : ExitCode.ConfigurationInvalid;

        static IReadOnlyList<FaultView> View(IReadOnlyList<ConfigurationFault> faults) =>
            [.. faults.Select(f => new FaultView(f.At.Line, f.At.Column, f.Key, f.Problem, f.Suggestion))];
    }
}

/// <summary>What <c>check --json</c> writes.</summary>
internal sealed record CheckReport(string File, bool IsValid, IReadOnlyList<FaultView> Faults,
    IReadOnlyList<FaultView> Warnings);

internal sealed record FaultView(int Line, int Column, string Key, string Problem, string? Suggestion);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true)]
[JsonSerializable(typeof(CheckReport))]
[JsonSerializable(typeof(string[]))]
internal sealed partial class CheckJson : JsonSerializerContext;
