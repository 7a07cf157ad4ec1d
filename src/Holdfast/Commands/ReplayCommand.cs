using System.CommandLine;
using Holdfast.Watch.Recorded;

namespace Holdfast.Commands;

/// <summary><c>holdfast replay</c>: recorded counts through the detectors that watch live ones.</summary>
internal static class ReplayCommand
{
    public static Command Create()
    {
        var command = new ExampledCommand("replay",
            "Run recorded counts through the very detectors that watch live ones, to try their thresholds on your own "
            + "history (docs/reference/replay.md).",
            "holdfast replay series examples/reports.csv");
        command.Add(ReplaySeries.Create());
        command.Add(ReplayBreakdown.Create());
        return command;
    }

    /// <summary>Reads a file as text; whatever is wrong with it is told with its line and ends in exit code 3.
    /// </summary>
    public static T? Read<T>(string file, Func<TextReader, (T? Read, FileFault? Fault)> read, TextWriter error)
        where T : class
    {
        if (file != "-" && !File.Exists(file))
            throw new CommandException($"{file} doesn't exist", ExitCode.Failed);
        using var reader = file == "-" ? Console.In : new StreamReader(file);
        var (result, fault) = read(reader);
        if (fault is not null)
            error.WriteLine(Terminal.Printable(fault.Describe(file)));
        return fault is null ? result : null;
    }

    /// <summary>An option whose value is a number within bounds.</summary>
    public static Option<double> Number(string name, string description, double value, double least, double most)
    {
        var option = new Option<double>(name)
        {
            Description = description, HelpName = "N", DefaultValueFactory = _ => value,
        };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !(double.TryParse(result.Tokens[0].Value,
                System.Globalization.CultureInfo.InvariantCulture, out var given) && given >= least && given <= most))
                result.AddError(FormattableString.Invariant($"{name} is a number of {least} to {most}"));
        });
        return option;
    }
}
