using System.CommandLine;
using System.Globalization;
using System.Text.Json.Serialization;
using Holdfast.Configuration;
using Holdfast.Watch.Recorded;
using Holdfast.Watch.Surge;

namespace Holdfast.Commands;

/// <summary><c>holdfast replay series</c>: alarms in counts over time.</summary>
internal static class ReplaySeries
{
    public static Command Create()
    {
        var command = new ExampledCommand("series",
            "Find surges in counts over time. FILE has columns time and count, and may have service and region; "
            + "- reads standard input.",
            "holdfast replay series examples/reports.csv",
            "holdfast replay series reports.csv --direction both --threshold 12 --json",
            "holdfast replay series reports.csv --scores > scores.csv");
        var defaults = new SurgeOptions();
        var file = new Argument<string>("FILE") { Description = "CSV file (docs/reference/replay.md)" };
        var ratio = ReplayCommand.Number("--ratio", "Multiple of the mean that the test is sharpest for",
            defaults.Ratio, 1.1, 100);
        var threshold = ReplayCommand.Number("--threshold", "Nats of evidence that raise an alarm",
            defaults.AlarmNats, 1, 1000);
        var warning = ReplayCommand.Number("--warn", "Nats of evidence that are a warning",
            defaults.WarnNats, 0.5, 1000);
        var direction = new Option<SurgeDirection>("--direction")
        {
            Description = "Which way counts must leave their mean: up, down or both", HelpName = "WAY",
            DefaultValueFactory = _ => defaults.Direction,
        };
        var bin = new Option<string?>("--bin")
        {
            Description = "Length of a bin, 10 s to 1 h, as 5m; found in the file unless given", HelpName = "DURATION",
        };
        bin.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !(Quantity.TryParseDuration(result.Tokens[0].Value, out var length)
                && length >= SeriesFile.BinMin && length <= SeriesFile.BinMax))
                result.AddError("--bin is a duration of 10s to 1h");
        });
        var zeroes = new Option<bool>("--zero-gaps")
        {
            Description = "Bins without a row are counts of zero; else nothing is known of them",
        };
        var scores = new Option<bool>("--scores")
        {
            Description = "A row of CSV for each bin: what was expected, and how near an alarm it is",
        };
        var json = JsonOption.Create();
        command.Add(file);
        foreach (var option in new Option[] { ratio, threshold, warning, direction, bin, zeroes, scores, json })
            command.Add(option);
        command.SetAction(parsed =>
        {
            var options = new SurgeOptions
            {
                Ratio = parsed.GetValue(ratio), AlarmNats = parsed.GetValue(threshold),
                WarnNats = parsed.GetValue(warning), Direction = parsed.GetValue(direction),
            };
            TimeSpan? length = parsed.GetValue(bin) is { } text && Quantity.TryParseDuration(text, out var given)
                ? given : null;
            var read = ReplayCommand.Read(parsed.GetValue(file)!,
                r => (SeriesFile.Read(r, length, out var fault), fault), parsed.InvocationConfiguration.Error);
            return read is null ? ExitCode.ConfigurationInvalid
                : Run(read, options, parsed.GetValue(zeroes), parsed.GetValue(scores), parsed.GetValue(json),
                    parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        });
        return command;
    }

    private static int Run(SeriesFile file, SurgeOptions options, bool areGapsZero, bool withScores, bool asJson,
        TextWriter output, TextWriter error)
    {
        if (file.Ignored.Count > 0)
            error.WriteLine(Terminal.Printable("columns not used: " + string.Join(", ", file.Ignored)));
        var sheet = new ScoreSheet(output, withScores, asJson);
        sheet.Begin(file);
        var alarms = new List<AlarmView>();
        var bins = 0L;
        foreach (var series in file.Series)
        {
            var detector = new SurgeDetector(file.Bin, options);
            foreach (var (start, count) in file.Bins(series, areGapsZero))
            {
                bins++;
                var score = detector.Observe(start, count);
                if (withScores)
                    sheet.Write(series, score);
            }
            var ended = detector.Ended.ToList();
            if (detector.Open is { } open)
                ended.Add(open);
            alarms.AddRange(ended.Select(a => AlarmView.Of(series, a)));
        }
        alarms.Sort((a, b) => (a.Raised, a.Service, a.Region).CompareTo((b.Raised, b.Service, b.Region)));
        sheet.End(alarms);
        // Rows of scores are for a program: the words go beside them.
        if (!asJson)
            Tell(file, bins, alarms, withScores ? error : output);
        return ExitCode.Ok;
    }

    private static void Tell(SeriesFile file, long bins, List<AlarmView> alarms, TextWriter output)
    {
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{file.Rows:N0} rows, {file.Series.Count:N0} series, {bins:N0} bins of {Quantity.Describe(file.Bin)}: {
                alarms.Count} alarm{(alarms.Count == 1 ? "" : "s")}."));
        if (alarms.Count == 0)
            return;
        output.WriteLine();
        string[] headers =
            ["Service", "Region", "Start", "Raised", "End", "Expected", "Observed", "Ratio", "Nats", "Ended by"];
        Terminal.WriteTable(output, headers, [.. alarms.Select(a => (IReadOnlyList<Cell>)
        [
            Or(a.Service), Or(a.Region), Time(a.Start), Time(a.Raised), a.End is { } end ? Time(end) : "-",
            Number(a.Expected), Number(a.Observed), Number(a.Ratio), Number(a.Nats), a.EndedBy,
        ])]);
    }

    private static Cell Or(string text) => text.Length == 0 ? "-" : text;

    private static string Time(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    private static string Number(double value) => value.ToString(value switch
    {
        >= 100 => "0", >= 10 => "0.0", >= 0.1 => "0.00", _ => "0.0000",
    }, CultureInfo.InvariantCulture);
}

/// <summary>An alarm as scripts read it; documented in docs/reference/replay.md.</summary>
internal sealed record AlarmView(string Service, string Region, string Direction, DateTimeOffset Start,
    DateTimeOffset Raised, DateTimeOffset? End, double Expected, double Observed, double Ratio, double Nats,
    string EndedBy)
{
    public static AlarmView Of(RecordedSeries series, SurgeAlarm alarm) => new(series.Service, series.Region,
        alarm.IsUp ? "up" : "down", alarm.Start, alarm.Raised, alarm.End, ReplayCommand.Rounded(alarm.Expected),
        ReplayCommand.Rounded(alarm.Observed), ReplayCommand.Rounded(alarm.Ratio), ReplayCommand.Rounded(alarm.Nats),
        alarm.EndedBy switch
        {
            SurgeEnd.Cleared => "cleared", SurgeEnd.NewNormal => "new normal", SurgeEnd.DataStopped => "data stopped",
            _ => "open",
        });
}

/// <summary>A bin's judgement as scripts read it.</summary>
internal sealed record ScoreView(string Service, string Region, DateTimeOffset Time, double Count, double? Expected,
    double Nats, double Score, string State);

/// <summary>The summary that JSON begins with.</summary>
internal sealed record SeriesView(double BinSeconds, long Rows, int Series);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(AlarmView))]
[JsonSerializable(typeof(ScoreView))]
[JsonSerializable(typeof(SeriesView))]
internal sealed partial class ReplayJson : JsonSerializerContext;
