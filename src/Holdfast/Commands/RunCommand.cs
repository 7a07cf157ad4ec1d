using System.CommandLine;
using Holdfast.Configuration;

namespace Holdfast.Commands;

/// <summary><c>holdfast run</c>: the gateway itself.</summary>
internal static class RunCommand
{
    public static Command Create(DiskWrapper? disk)
    {
        var command = new ExampledCommand("run",
            "Run the gateway until SIGTERM or Ctrl+C (which drain; a second one stops now).",
            "holdfast run", "holdfast run --config /etc/holdfast/holdfast.json --data /var/lib/holdfast");
        var config = new Option<string?>("--config", "-c")
        {
            Description = "Configuration file; without one a built-in example on loopback ports is used",
            HelpName = "FILE",
        };
        var data = new Option<string?>("--data")
        {
            Description = "Directory for spool, evidence and socket", HelpName = "DIR",
        };
        command.Add(config);
        command.Add(data);
        command.SetAction((parsed, _) => RunAsync(parsed.GetValue(config), parsed.GetValue(data),
            parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error, disk));
        return command;
    }

    private static async Task<int> RunAsync(string? file, string? data, TextWriter output, TextWriter error,
        DiskWrapper? disk)
    {
        using var rules = Composition.BuildRules();
        var loader = new ConfigurationLoader(rules);
        file = string.IsNullOrEmpty(file) ? null : Path.GetFullPath(file);
        var (snapshot, faults) = file is null ? loader.LoadEmbedded() : loader.LoadFile(file);
        if (snapshot is null)
        {
            foreach (var fault in faults)
                await error.WriteLineAsync(fault.Describe(file ?? ConfigurationLoader.EmbeddedSource));
            await error.WriteLineAsync(
                $"holdfast: not started: {ConfigurationFault.Count(faults.Count)} in the configuration");
            return ExitCode.ConfigurationInvalid;
        }
        var path = DataDirectory.Resolve(data, snapshot.Get<Configuration.HostOptions>().DataDirectory,
            Environment.GetEnvironmentVariable);
        using var signals = new ProcessSignals();
        return await new Gateway(snapshot, loader, file, path, output, disk).RunAsync(signals);
    }
}
