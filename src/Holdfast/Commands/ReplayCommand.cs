using System.CommandLine;
using System.Globalization;
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
        if (Directory.Exists(file))
            throw new CommandException($"{file} is a directory: name a file in it", ExitCode.Failed);
        if (file != "-" && !File.Exists(file))
            throw new CommandException($"{file} doesn't exist", ExitCode.Failed);
        try
        {
            using var reader = file == "-" ? Console.In : new StreamReader(file);
            var (result, fault) = read(reader);
            if (fault is not null)
                error.WriteLine(Terminal.Printable(fault.Describe(file)));
            return fault is null ? result : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"{file} can't be read: {e.Message}", ExitCode.Failed);
        }
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
                CultureInfo.InvariantCulture, out var given) && given >= least && given <= most))
                result.AddError(FormattableString.Invariant($"{name} is a number of {least} to {most}"));
        });
        return option;
    }

    /// <summary>Six figures: what is after them is chance, and a record that differs by it can't be compared.</summary>
    internal static double Rounded(double value) => value == 0 || !double.IsFinite(value) ? 0
        : double.Parse(value.ToString("G6", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}
