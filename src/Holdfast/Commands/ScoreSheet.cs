using System.Globalization;
using System.Text.Json;
using Holdfast.Watch.Recorded;
using Holdfast.Watch.Surge;

namespace Holdfast.Commands;

/// <summary>Writes scores and alarms for programs as they are found, so that millions of rows are never held.</summary>
internal sealed class ScoreSheet(TextWriter output, bool withScores, bool asJson)
{
    private bool _hasRow;

    public void Begin(SeriesFile file)
    {
        if (asJson)
        {
            var head = JsonSerializer.Serialize(new(file.Bin.TotalSeconds, file.Rows, file.Series.Count),
                ReplayJson.Default.SeriesView);
            output.Write(head[..^1] + (withScores ? ",\"scores\":[" : ""));
        }
        else if (withScores)
        {
            output.WriteLine("service,region,time,count,expected,nats,score,state");
        }
    }

    public void Write(RecordedSeries series, SurgeScore score)
    {
        var view = new ScoreView(series.Service, series.Region, score.Time, score.Count,
            double.IsNaN(score.Expected) ? null : ReplayCommand.Rounded(score.Expected),
            ReplayCommand.Rounded(score.Nats),
            ReplayCommand.Rounded(score.Score), score.State.ToString().ToLowerInvariant());
        if (asJson)
        {
            output.Write((_hasRow ? ",\n" : "\n") + JsonSerializer.Serialize(view, ReplayJson.Default.ScoreView));
            _hasRow = true;
            return;
        }
        output.Write(Quoted(view.Service));
        output.Write(',');
        output.Write(Quoted(view.Region));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $",{view.Time.UtcDateTime:yyyy-MM-ddTHH:mm:ss}Z,{
            view.Count},{view.Expected},{view.Nats},{view.Score},{view.State}"));
    }

    public void End(List<AlarmView> alarms)
    {
        if (!asJson)
            return;
        output.Write((withScores ? "],\n" : ",") + "\"alarms\":[");
        output.Write(string.Join(",", alarms.Select(a =>
            "\n" + JsonSerializer.Serialize(a, ReplayJson.Default.AlarmView))));
        output.WriteLine("]}");
    }

    private static string Quoted(string text) => text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text
        : "\"" + text.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";
}
