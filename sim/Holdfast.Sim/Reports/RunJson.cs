using System.Numerics;
using System.Text.Json;
using Holdfast.Sim.Runs;
using Holdfast.Sim.Scenarios;

namespace Holdfast.Sim.Reports;

/// <summary>Records as JSON, the same bytes for the same scenario, seed and policies: no times of the day, no
/// durations of the wall, no order of a hash.</summary>
internal static class RunJson
{
    public static void Write(Stream output, IReadOnlyList<RunRecord> runs, OptimumResult? optimum,
        IReadOnlyList<IReadOnlyList<string>> broken)
    {
        using var json = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true, NewLine = "\n" });
        var first = runs[0];
        json.WriteStartObject();
        json.WriteString("scenario", first.Scenario.Name);
        json.WriteString("teaches", first.Scenario.Teaches);
        json.WriteNumber("seed", first.Seed);
        json.WriteNumber("stepSeconds", first.Step.TotalSeconds);
        json.WriteNumber("steps", first.Steps);
        WriteWorld(json, first);
        if (optimum is null)
            json.WriteNull("optimum");
        else
            WriteOptimum(json, optimum);
        json.WriteStartArray("runs");
        for (var i = 0; i < runs.Count; i++)
            WriteRun(json, runs[i], optimum, broken[i]);
        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        output.WriteByte((byte)'\n');
    }

    private static void WriteWorld(Utf8JsonWriter json, RunRecord run)
    {
        json.WriteStartArray("faults");
        foreach (var period in run.Faults)
        {
            var fault = run.Scenario.Faults[period.Fault];
            json.WriteStartObject();
            json.WriteString("kind", FieldReader.Camel(fault.Kind.ToString()));
            json.WriteString("where", fault.WhereText);
            json.WriteNumber("fromSeconds", period.From.TotalSeconds);
            json.WriteNumber("toSeconds", period.To.TotalSeconds);
            json.WriteStartArray("servers");
            foreach (var server in period.Servers)
                json.WriteNumberValue(server);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("trueCapacity");
        foreach (var site in run.World.Sites)
        {
            json.WriteStartObject();
            json.WriteString("site", site.Name);
            Write(json, "perSecond", site.Capacity);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteOptimum(Utf8JsonWriter json, OptimumResult optimum)
    {
        json.WriteStartObject("optimum");
        json.WriteNumber("total", Math.Round(optimum.Total, 3));
        json.WriteString("note", optimum.Note);
        if (optimum.DrainedAt is { } drained)
            json.WriteNumber("drainedAtSeconds", drained.TotalSeconds);
        Write(json, "goodput", optimum.Goodput);
        json.WriteEndObject();
    }

    private static void WriteRun(Utf8JsonWriter json, RunRecord run, OptimumResult? optimum,
        IReadOnlyList<string> broken)
    {
        json.WriteStartObject();
        json.WriteString("policy", run.Policy);
        json.WriteNumber("events", run.Events);
        WriteTotals(json, run.Totals);
        WriteFigures(json, RunFigures.Of(run, optimum));
        json.WriteStartArray("broken");
        foreach (var sentence in broken)
            json.WriteStringValue(sentence);
        json.WriteEndArray();
        json.WriteStartArray("services");
        for (var service = 0; service < run.Scenario.Services.Length; service++)
        {
            for (var priority = 0; priority < RunRecord.Priorities; priority++)
                WriteService(json, run, service, priority);
        }
        json.WriteEndArray();
        json.WriteStartArray("sites");
        for (var site = 0; site < run.Sites.Length; site++)
            WriteSite(json, run, site);
        json.WriteEndArray();
        json.WriteStartArray("components");
        for (var i = 0; i < run.Components.Length; i++)
            WriteComponent(json, run, i);
        json.WriteEndArray();
        WriteVerdicts(json, run);
        json.WriteEndObject();
    }

    private static void WriteTotals(Utf8JsonWriter json, RunTotals totals)
    {
        json.WriteStartObject("totals");
        json.WriteNumber("requests", totals.Requests);
        json.WriteNumber("offered", totals.Offered);
        json.WriteNumber("attempts", totals.Attempts);
        json.WriteNumber("canaries", totals.Canaries);
        json.WriteNumber("served", totals.Served);
        json.WriteNumber("late", totals.Late);
        json.WriteNumber("failed", totals.Failed);
        json.WriteNumber("shed", totals.Shed);
        json.WriteNumber("lost", totals.Lost);
        json.WriteNumber("unfinished", totals.Unfinished);
        json.WriteNumber("wasted", totals.Wasted);
        json.WriteNumber("refusals", totals.Refusals);
        json.WriteEndObject();
    }

    private static void WriteFigures(Utf8JsonWriter json, RunFigures figures)
    {
        json.WriteStartObject("figures");
        Write(json, "servedShare", figures.ServedShare);
        Write(json, "servedTopShare", figures.ServedTopShare);
        Write(json, "servedAtEndShare", figures.ServedAtEndShare);
        Write(json, "worstMinuteShare", figures.WorstMinuteShare);
        Write(json, "attemptsPerRequest", figures.AttemptsPerRequest);
        Write(json, "latencyP99Seconds", figures.LatencyP99Median);
        Write(json, "peakUse", figures.PeakUse);
        json.WriteNumber("healthyTargetsClosed", figures.HealthyClosed);
        json.WriteNumber("crashes", figures.Crashes);
        Write(json, "regret", figures.Regret ?? double.NaN);
        Write(json, "convergedAfterSeconds", figures.ConvergedAfter?.TotalSeconds ?? double.NaN);
        json.WriteEndObject();
    }

    private static void WriteService(Utf8JsonWriter json, RunRecord run, int service, int priority)
    {
        var series = run.Of(service, priority);
        if (Array.TrueForAll(series.Offered, v => v == 0) && Array.TrueForAll(series.Waiting, v => v == 0))
            return;
        json.WriteStartObject();
        json.WriteString("service", run.Scenario.Services[service].Name);
        json.WriteNumber("priority", priority);
        Write(json, "requests", series.Requests);
        Write(json, "offered", series.Offered);
        Write(json, "admitted", series.Admitted);
        Write(json, "placed", series.Placed);
        Write(json, "served", series.Served);
        Write(json, "servedOfArrived", series.ServedOfArrived);
        Write(json, "late", series.Late);
        Write(json, "failed", series.Failed);
        Write(json, "shed", series.Shed);
        Write(json, "lost", series.Lost);
        Write(json, "waiting", series.Waiting);
        Write(json, "latencyP50Seconds", series.LatencyP50);
        Write(json, "latencyP99Seconds", series.LatencyP99);
        json.WriteEndObject();
    }

    private static void WriteSite(Utf8JsonWriter json, RunRecord run, int site)
    {
        var series = run.Sites[site];
        json.WriteStartObject();
        json.WriteString("site", run.Scenario.Sites[site].Name);
        Write(json, "placed", series.Placed);
        Write(json, "succeeded", series.Succeeded);
        Write(json, "failed", series.Failed);
        Write(json, "pushedBack", series.PushedBack);
        Write(json, "done", series.Done);
        Write(json, "inService", series.InService);
        Write(json, "queued", series.Queued);
        Write(json, "trueCapacity", series.TrueCapacity);
        Write(json, "targetsClosed", series.TargetsClosed);
        Write(json, "healthyClosed", series.HealthyClosed);
        Write(json, "share", series.Share);
        Write(json, "limit", series.Limit);
        Write(json, "verdict", series.Verdict);
        json.WriteEndObject();
    }

    private static void WriteComponent(Utf8JsonWriter json, RunRecord run, int component)
    {
        var series = run.Components[component];
        json.WriteStartObject();
        json.WriteString("component", run.Scenario.Components[component].Name);
        Write(json, "asked", series.Asked);
        Write(json, "done", series.Done);
        Write(json, "failed", series.Failed);
        Write(json, "queued", series.Queued);
        Write(json, "trueCapacity", series.TrueCapacity);
        json.WriteEndObject();
    }

    private static void WriteVerdicts(Utf8JsonWriter json, RunRecord run)
    {
        json.WriteNumber("verdictsDropped", run.VerdictsDropped);
        json.WriteStartArray("verdicts");
        foreach (var entry in run.Verdicts)
        {
            json.WriteStartObject();
            json.WriteNumber("atSeconds", entry.At.TotalSeconds);
            json.WriteString("edge", run.Scenario.Edges[entry.Edge].Name);
            json.WriteString("site", run.Scenario.Sites[entry.Site].Name);
            if (entry.Target >= 0)
                json.WriteNumber("target", entry.Target);
            json.WriteString("from", entry.From.ToString());
            json.WriteString("to", entry.To.ToString());
            json.WriteString("evidence", entry.Evidence);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value))
            json.WriteNumber(name, Math.Round(value, 6));
        else
            json.WriteNull(name);
    }

    /// <summary>To six digits behind the point; null: not a number.</summary>
    private static void Write<T>(Utf8JsonWriter json, string name, T[] values)
        where T : INumberBase<T>
    {
        json.WriteStartArray(name);
        foreach (var value in values)
        {
            if (T.IsFinite(value))
                json.WriteNumberValue(Math.Round(double.CreateChecked(value), 6));
            else
                json.WriteNullValue();
        }
        json.WriteEndArray();
    }
}
