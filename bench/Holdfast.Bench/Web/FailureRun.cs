namespace Holdfast.Bench.Web;

/// <param name="Good">Part of the clients served at their first attempt from the fault to the end.</param>
/// <param name="ErrorCount">Attempts that failed from the fault to the end; <paramref name="Errors"/> by kind.</param>
/// <param name="GaveUp">Clients of these that were never served.</param>
/// <param name="P50Before">Seconds, before the fault.</param>
/// <param name="P99">Seconds, from the fault to the end; a failed attempt counts as the deadline.</param>
/// <param name="RecoveredFault">Seconds from the fault until goodput was back at 99 %; null: not while it lasted.</param>
/// <param name="RecoveredHeal">The same from the end of the fault on.</param>
/// <param name="Repeated">Acts (POST) that targets did more than once.</param>
/// <param name="HomeBefore">Part of the answers that came from the home region before the fault.</param>
/// <param name="CpuMicros">Of the proxy's processes an attempt.</param>
internal sealed record FailureResult(string System, FailureCase Case, double GoodDuring, double GoodAfter, double Good,
    int ErrorCount, string Errors, int GaveUp, double P50Before, double P99, double Max, double? RecoveredFault,
    double? RecoveredHeal, int Repeated, double HomeBefore, double CpuMicros, long PeakBytes, string Seconds);

/// <summary>One case before one proxy: ordinary traffic, the fault, and what comes after it.</summary>
internal static class FailureRun
{
    public const double WarmSeconds = 6;
    /// <summary>Connections and compiled code; not looked at.</summary>
    private const double IgnoredSeconds = 3;

    public static FailureResult Run(WebSystem system, WebTargets targets, FailureCase @case, double seconds)
    {
        using var generator = new OpenLoop(new Uri($"http://127.0.0.1:{system.Layout.PlainPort}/"), @case.Retries,
            FailureCase.RetryAfter);
        const double fault = WarmSeconds;
        var (heal, end) = (fault + seconds, fault + (seconds * (1 + @case.After)));
        var cpu = system.CpuSeconds;
        var schedule = new ArrivalSchedule(FailureCase.HomePerSecond * @case.Load, end);
        var samples = generator.Run(schedule, (fault, () => Set((_, words) => words)),
            (heal, () => Set((name, words) => @case.Stays.Contains(name, StringComparison.Ordinal) ? words : "")));
        var used = system.CpuSeconds - cpu;
        var deadline = WebLayout.Deadline.TotalSeconds;
        var before = samples.Where(s => s.Start >= IgnoredSeconds && s.Start < fault && s.IsGood).ToArray();
        return new FailureResult(system.Name, @case, Goodput.Share(samples, fault, heal), Goodput.Share(samples, heal, end),
            Goodput.Share(samples, fault, end), samples.Count(s => !s.IsGood && s.Start >= fault),
            Goodput.Errors(samples, fault, double.MaxValue),
            samples.Count(s => !s.IsGood && s.Start >= fault && s.Attempt == @case.Retries), Goodput.LatencyAt(samples, IgnoredSeconds, fault, 0.5, deadline),
            Goodput.LatencyAt(samples, fault, end, 0.99, deadline), Goodput.LatencyAt(samples, fault, end, 1, deadline),
            Goodput.RecoveredAfter(samples, fault, heal), Goodput.RecoveredAfter(samples, heal, end), targets.Repeated(),
            before.Length == 0 ? 0 : before.Count(s => s.IsHome) / (double)before.Length, used / samples.Count * 1e6,
            system.PeakBytes, Goodput.Seconds(samples, end));

        void Set(Func<string, string, string> faults)
        {
            foreach (var (name, words) in @case.Faults)
                targets.Set(name, faults(name, words));
        }
    }
}
