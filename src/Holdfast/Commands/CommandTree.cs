using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Holdfast.Commands;

/// <summary>All commands of <c>holdfast</c>, and how a command line is run.</summary>
internal static class CommandTree
{
    private static readonly string[] s_examples =
    [
        "holdfast run", "holdfast check --config /etc/holdfast/holdfast.json", "holdfast status", "holdfast queue list",
    ];

    /// <param name="optimum">The planner that knows the future, where the host carries one; the shipped binary
    /// doesn't.</param>
    /// <param name="disk">Null but in test/Holdfast.FaultyHost.</param>
    public static RootCommand Build(Sim.Runs.IOptimum? optimum = null, DiskWrapper? disk = null)
    {
        var root = new RootCommand("Holdfast keeps mail flowing when a region of your provider stops processing it.");
        root.Add(RunCommand.Create(disk));
        root.Add(CheckCommand.Create());
        root.Add(StatusCommand.Create());
        root.Add(QueueCommand.Create());
        root.Add(RouteCommand.Create());
        root.Add(TraceCommand.Create());
        foreach (var act in TrafficActCommand.All())
            root.Add(act);
        root.Add(UserCommand.Create());
        root.Add(ReloadCommand.Create());
        root.Add(SimulateCommand.Create(optimum));
        root.Add(ReplayCommand.Create());
        foreach (var option in root.Options)
        {
            if (option is HelpOption { Action: HelpAction stock } help)
                help.Action = new HelpWithExamples(stock, s_examples);
        }
        return root;
    }

    /// <summary>Runs a command line; everything written goes to the writers given.</summary>
    public static async Task<int> InvokeAsync(IReadOnlyList<string> args, TextWriter output, TextWriter error,
        Sim.Runs.IOptimum? optimum = null, DiskWrapper? disk = null)
    {
        var parsed = Build(optimum, disk).Parse(args);
        if (parsed.Errors.Count > 0 && parsed.Action is ParseErrorAction)
        {
            // "Required command was not provided" says nothing beside an unknown one.
            foreach (var problem in parsed.UnmatchedTokens.Count > 0 ? parsed.Errors.TakeLast(1) : parsed.Errors)
                await error.WriteLineAsync("holdfast: " + problem.Message);
            if (parsed.UnmatchedTokens.Count > 0 && Suggest(parsed) is { } suggestion)
                await error.WriteLineAsync(suggestion);
            await error.WriteLineAsync($"See: {PathOf(parsed.CommandResult)} --help");
            return ExitCode.Usage;
        }
        var configuration = new InvocationConfiguration
        {
            Output = output, Error = error, EnableDefaultExceptionHandler = false,
            // The run command takes signals itself; the others may end at once.
            ProcessTerminationTimeout = null,
        };
        try
        {
            return await parsed.InvokeAsync(configuration);
        }
        catch (CommandException e)
        {
            await error.WriteLineAsync("holdfast: " + e.Message);
            return e.ExitCode;
        }
        catch (IOException e)
        {
            await error.WriteLineAsync("holdfast: " + e.Message);
            return ExitCode.Failed;
        }
    }

    private static string? Suggest(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        string[] known = [.. command.Subcommands.Select(c => c.Name), .. command.Options.Select(o => o.Name)];
        return Configuration.NameGuess.Nearest(parsed.UnmatchedTokens[0], known) is { } near
            ? $"Did you mean \"{near}\"?" : null;
    }

    private static string PathOf(System.CommandLine.Parsing.CommandResult result)
    {
        var names = new List<string>();
        for (System.CommandLine.Parsing.SymbolResult? at = result; at is not null; at = at.Parent)
        {
            if (at is System.CommandLine.Parsing.CommandResult { Command: var command })
                names.Insert(0, command is RootCommand ? "holdfast" : command.Name);
        }
        return string.Join(' ', names);
    }
}

/// <summary>A command that can't go on: words for the person, a code for the script.</summary>
internal sealed class CommandException : Exception
{
    public CommandException(string message, int exitCode) : base(message) => ExitCode = exitCode;
    public CommandException() { }
    public CommandException(string message) : base(message) { }
    public CommandException(string message, Exception inner) : base(message, inner) { }

    public int ExitCode { get; } = Holdfast.ExitCode.Failed;
}
