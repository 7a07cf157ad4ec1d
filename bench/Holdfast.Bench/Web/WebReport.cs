using System.Globalization;
using System.Text;

namespace Holdfast.Bench.Web;

/// <summary>The runs side by side, with the ratios of one of them, Holdfast where it was measured, to each other.</summary>
internal static class WebReport
{
    public const string PlainHead = "| | Clients | System | Served/s | p50 | p99 | CPU/answer | Peak MiB | Refused or failed |\n"
        + "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n";
    public const string FailureHead = "| Case | System | Good while it lasts | Good after | 99 % again after the fault | after healing | Errors | of these | Gave up | Done twice | p99 | Max | p50 before | Home before | CPU/request | Peak MiB |\n"
        + "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";

    public static string Write(IReadOnlyList<PlainResult> plain, IReadOnlyList<FailureResult> failures,
        IReadOnlyList<string> notes, double seconds)
    {
        var text = new StringBuilder(Head());
        foreach (var line in notes)
            text.Append("- ").Append(line).Append('\n');
        if (plain.Count > 0)
        {
            text.Append("\n## Plain throughput\n\n").Append(PlainHead);
            foreach (var result in plain.OrderBy(r => r.Case.IsH2).ThenBy(r => r.Case.Connections))
                text.Append(Row(result)).Append('\n');
            Ratios(text, plain);
        }
        if (failures.Count > 0)
        {
            text.Append(F($"\n## While targets fail\n\nThe fault lasts {seconds} s, and as long after it is looked at.\n\n"))
                .Append(FailureHead);
            foreach (var result in failures)
                text.Append(Row(result)).Append('\n');
            Ratios(text, failures);
        }
        return text.ToString();
    }

    public static string Row(PlainResult r) => F($"| {r.Case.Title} | {r.Case.Connections} | {r.System} | {r.Measure.GoodPerSecond:F0} | {Milliseconds(r.Measure, r.Measure.P50)} | {Milliseconds(r.Measure, r.Measure.P99)} | {r.CpuMicros:F1} µs | {r.PeakBytes / (double)(1 << 20):F0} | {r.Measure.Failed} |");

    public static string Row(FailureResult r) => F($"| {r.Case.Title} | {r.System} | {Percent(r.GoodDuring)} | {Percent(r.GoodAfter)} | {Seconds(r.RecoveredFault)} | {Seconds(r.RecoveredHeal)} | {r.ErrorCount} | {r.Errors} | {r.GaveUp} | {r.Repeated} | {r.P99 * 1000:F0} ms | {r.Max * 1000:F0} ms | {r.P50Before * 1000:F1} ms | {Percent(r.HomeBefore)} | {r.CpuMicros:F0} µs | {r.PeakBytes / (double)(1 << 20):F0} |");

    private static void Ratios(StringBuilder text, IReadOnlyList<PlainResult> results)
    {
        var subject = Subject(results.Select(r => r.System));
        text.Append(F($"\n{subject} to each: requests served a second (times), median latency (more by), CPU an\nanswer (times); `-` where one in a hundred or more was refused, since refusing is quicker than serving.\n\n"))
            .Append("| | Clients | To | Served/s × | p50 + | CPU × |\n| --- | ---: | --- | ---: | ---: | ---: |\n");
        foreach (var group in results.Where(r => r.CpuMicros > 0).GroupBy(r => r.Case).OrderBy(g => g.Key.IsH2).ThenBy(g => g.Key.Connections))
        {
            if (group.FirstOrDefault(r => r.System == subject) is not { } ours)
                continue;
            foreach (var other in group.Where(r => r.System != subject))
                {
                var comparable = ours.Measure.IsServing && other.Measure.IsServing;
                text.Append(F($"| {group.Key.Title} | {group.Key.Connections} | {other.System} | {ours.Measure.GoodPerSecond / Math.Max(1, other.Measure.GoodPerSecond):F2} | {(comparable ? F($"{ours.Measure.P50 - other.Measure.P50:F2} ms") : "-")} | {(comparable ? F($"{ours.CpuMicros / other.CpuMicros:F2}") : "-")} |\n"));
            }
        }
    }

    private static void Ratios(StringBuilder text, IReadOnlyList<FailureResult> results)
    {
        var subject = Subject(results.Select(r => r.System));
        text.Append(F($"\n{subject} to each, from the fault to the end: goodput (times), errors that clients saw (its own to the\nother's), p99 (times).\n\n"))
            .Append("| Case | To | Goodput × | Errors | p99 × |\n| --- | --- | ---: | ---: | ---: |\n");
        foreach (var group in results.GroupBy(r => r.Case))
        {
            if (group.FirstOrDefault(r => r.System == subject) is not { } ours)
                continue;
            foreach (var other in group.Where(r => r.System != subject))
                text.Append(F($"| {group.Key.Title} | {other.System} | {ours.Good / Math.Max(1e-3, other.Good):F2} | {ours.ErrorCount} : {other.ErrorCount} | {ours.P99 / Math.Max(1e-4, other.P99):F2} |\n"));
        }
    }

    private static string Subject(IEnumerable<string> systems)
    {
        var names = systems.Distinct().Where(n => n[0] != '(').ToArray();
        return names.Contains("Holdfast") ? "Holdfast" : names[0];
    }

    private static string Head() => F($"""
        # HTTP: Holdfast, stock YARP, HAProxy, nginx

        One run of `bench/run web`, systems alternating before the same targets, all on one machine of {Environment.ProcessorCount} cores with
        generator and targets; load average at the end {File.ReadAllText("/proc/loadavg").Split(' ')[0]}. CPU and memory are the proxy's processes' alone.

        Plain throughput: targets that answer 77 bytes at once (nginx); wrk over HTTP/1.1, h2load over HTTP/2 and TLS with
        {PlainCase.Streams} streams a connection; both ask again as soon as they are answered, so their latency is that of a full house.
        *(straight)* is wrk at the target without a proxy, its own ceiling. Median of the rounds.

        Failures: two regions of two targets, `na` at home and `eu`, {FailureCase.Distance.TotalMilliseconds:F0} ms farther. A target is {FailureCase.Workers} workers of {FailureCase.Service.TotalMilliseconds:F0} ms a
        request ({FailureCase.HomePerSecond / 2:F0} a second), the rest waits in turn, and what its caller gave up is worked on all the same.
        Health checks are requests like others. Requests come at a constant rate, 40 % of what home can do, 70 % where it
        says so; a fifth are POST, which no proxy may repeat once it was sent (*done twice* counts those that targets did
        again). Latency counts from when a request was meant to be sent; a client gives up after {WebLayout.Deadline.TotalSeconds:F0} s. *Good*: answered
        2xx by then at the first attempt. *99 % again*: seconds until every window of a second was at 99 %; 0 where none
        was worse, `-` where that didn't come. p99 counts a failed request as {WebLayout.Deadline.TotalSeconds:F0} s. In the herd each client asks
        up to four times more, {FailureCase.RetryAfter.TotalSeconds:F0} s after each failure, and twice as long is looked at. The other proxies' settings are in
        `bench/Holdfast.Bench/Web` with where each comes from; all that check check each second. eu is a reserve for all of them.


        """);

    private static string Milliseconds(PlainMeasure measure, double milliseconds) =>
        measure.IsServing ? F($"{milliseconds:F2} ms") : "-";

    private static string Percent(double share) => F($"{share * 100:F1} %");
    private static string Seconds(double? seconds) => seconds is { } s ? F($"{s:F1} s") : "-";
    private static string F(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
