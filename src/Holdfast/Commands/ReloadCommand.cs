using System.CommandLine;
using Holdfast.Operator;

namespace Holdfast.Commands;

/// <summary><c>holdfast reload</c>: takes the changed configuration in, or says why not.</summary>
internal static class ReloadCommand
{
    public static Command Create()
    {
        var command = new ExampledCommand("reload",
            "Make the server read its configuration file now. A file with faults is refused and the old one goes on.",
            "holdfast reload");
        var server = new ServerChoice(command);
        var json = JsonOption.Create();
        command.Add(json);
        command.SetAction(async (parsed, abort) =>
        {
            using var client = server.Connect(parsed);
            var result = await client.PostAsync("/api/v1/reload", null, OperatorJson.Default.ReloadView, abort);
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json))
            {
                JsonOption.Write(output, result, OperatorJson.Default.ReloadView);
            }
            else
            {
                foreach (var fault in result.Faults)
                    output.WriteLine(Terminal.Printable(fault));
                output.WriteLine(!result.IsInForce ? "refused; the old configuration goes on"
                    : result.HasChanged ? "in force" : "nothing changed");
                if (result.NeedsRestart.Count > 0)
                    output.WriteLine("read only at start, restart to use: " + string.Join(", ", result.NeedsRestart));
            }
            return result.IsInForce ? ExitCode.Ok : ExitCode.ConfigurationInvalid;
        });
        return command;
    }
}
