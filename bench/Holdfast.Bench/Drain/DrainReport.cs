using System.Globalization;
using System.Text;

namespace Holdfast.Bench.Drain;

/// <summary>The runs side by side.</summary>
internal static class DrainReport
{
    public static string Write(IReadOnlyList<DrainResult> results)
    {
        var text = new StringBuilder();
        var plan = results[0].Plan;
        text.Append(F($"""
            # Backlog drain: Holdfast and Postfix's defaults

            One run of `bench/run drain`: a site of {plan.Capacity:F0} messages/s goes dark (451 4.3.2 to every recipient), mail
            gathers, the site returns, fresh mail of {plan.FreshPerSecond:F0}/s goes on all the time. The site: workers of
            {SiteModel.ServiceSeconds * 1000:F0} ms a message; beyond twice as many messages at once as workers each takes longer, up to four
            times; beyond three times as many a part is answered 451 4.3.2, all at six times. So capacity is lost by offering
            more than it. 20 s of ordinary traffic come first; the site stays dark for 45 s after the backlog was taken.

            Optimum: least T with capacity · T ≥ what waits at the return + what is accepted meanwhile. *Of the optimum* is that
            over the time from the return to the last message that waited then, noticing the return and ramp included;
            *after the ramp* counts from the first second that carried nine tenths of the capacity. Fresh: accepted after the
            return, noticed or not; its delay is counted from before its first command. Peak: the busiest second's messages offered
            over the capacity. Postfix's backlog is the smaller one because its drain takes several times the optimum.
            {Environment.ProcessorCount} cores for all of it, sink and senders included; load average at the end: {File.ReadAllText("/proc/loadavg").Split(' ')[2]} over 15 minutes.


            """));
        text.AppendLine("| | Waiting | Optimum | Took | Of the optimum | After the ramp | Noticed after | 0.9 of capacity after |")
            .AppendLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        foreach (var r in results)
            text.AppendLine(Row(r));
        text.AppendLine().AppendLine("| | Fresh p50 | Fresh p99 | Fresh max | p99 from 30 s on | p99 before the fault | Peak | 99 % of seconds below | Refused | Attempts while dark | Lost | Twice |")
            .AppendLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        foreach (var r in results)
            text.AppendLine(F($"| {r.Name} | {r.FreshP50:F2} s | {r.FreshP99:F2} s | {r.FreshMax:F2} s | {r.FreshLaterP99:F2} s | {r.FreshUsualP99:F2} s | {r.Peak:F3} | {r.PeakShare99:F3} | {r.Refused} | {r.Dark} | {r.Lost} | {r.Twice} |"));
        return text.ToString();
    }

    public static string Row(DrainResult r)
    {
        var took = r.Took is { } seconds ? F($"{seconds:F0} s | {r.Optimum / seconds:F3} | {r.RampedRatio:F3}")
            : F($"cut off at {r.Plan.Limit:F0} × the optimum, {r.Drained:P0} drained | < {1 / r.Plan.Limit:F2} | - ");
        return F($"| {r.Name} | {r.Waiting} | {r.Optimum:F0} s | {took} | {r.NoticedAfter ?? -1:F0} s | {r.RampSeconds:F0} s |");
    }

    private static string F(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
