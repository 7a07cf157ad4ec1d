using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Holdfast.Commands;

/// <summary>A command whose help ends with examples.</summary>
internal sealed class ExampledCommand(string name, string description, params string[] examples)
    : Command(name, description)
{
    /// <summary>Whole command lines.</summary>
    public IReadOnlyList<string> Examples { get; } = examples;
}

/// <summary>The stock help, and examples after it.</summary>
internal sealed class HelpWithExamples(HelpAction stock, IReadOnlyList<string> rootExamples)
    : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        stock.Invoke(parseResult);
        var command = parseResult.CommandResult.Command;
        var examples = command is ExampledCommand exampled ? exampled.Examples : rootExamples;
        var output = parseResult.InvocationConfiguration.Output;
        output.WriteLine(examples.Count == 1 ? "Example:" : "Examples:");
        foreach (var example in examples)
            output.WriteLine("  " + example);
        output.WriteLine();
        output.WriteLine($"Exit codes: {ExitCode.Ok} ok, {ExitCode.Failed} failed, {ExitCode.Usage} usage, "
            + $"{ExitCode.ConfigurationInvalid} configuration invalid,");
        output.WriteLine($"  {ExitCode.ServerNotReachable} no server answers, "
            + $"{ExitCode.NothingMatched} nothing matched, {ExitCode.NotConfirmed} not confirmed, "
            + $"{ExitCode.NotReady} not ready,");
        output.WriteLine($"  {ExitCode.StoppedNow} stopped before drained, "
            + $"{ExitCode.HoldsBroken} what must hold in a simulation did not.");
        return ExitCode.Ok;
    }
}
