using System.Diagnostics;
using System.Globalization;

namespace Holdfast.Bench.Web;

/// <param name="IsH2">HTTP/2 over TLS by h2load, ten streams a connection; else HTTP/1.1 in the clear by wrk.</param>
internal sealed record PlainCase(bool IsH2, int Connections)
{
    public const int Streams = 10;
    public string Title => IsH2 ? "HTTP/2, TLS" : "HTTP/1.1";
}

/// <param name="CpuMicros">Of the proxy's processes a request; 0: there is no proxy.</param>
internal sealed record PlainResult(string System, PlainCase Case, PlainMeasure Measure, double CpuMicros, long PeakBytes);

/// <summary>As many requests as go through, from clients that ask as soon as they are answered.</summary>
internal static class PlainRun
{
    /// <summary>Declared where a proxy is told: more than any of them lets through.</summary>
    public const double Capacity = 1_000_000;
    public static bool HasH2 => File.Exists("/usr/bin/h2load");
    public static bool HasWrk => File.Exists("/usr/bin/wrk");

    /// <param name="system">Null: straight at the target.</param>
    public static PlainResult Measure(WebSystem? system, WebLayout layout, PlainCase @case, int seconds, string folder)
    {
        var cpu = system?.CpuSeconds ?? 0;
        var watch = Stopwatch.StartNew();
        var measure = @case.IsH2 ? H2(layout.TlsPort, @case.Connections, seconds, folder)
            : Wrk(system is null ? layout.Backends[0].Port : layout.PlainPort, @case.Connections, seconds);
        var took = watch.Elapsed.TotalSeconds;
        // Over all answers: a refusal costs too.
        var used = system is null ? 0 : (system.CpuSeconds - cpu) / (measure.PerSecond * took);
        return new PlainResult(system?.Name ?? "(straight)", @case, measure, used * 1e6, system?.PeakBytes ?? 0);
    }

    /// <summary>Compiled code for the one, forked processes and connections for the other.</summary>
    public static void WarmUp(WebLayout layout, bool isH2, int seconds, string folder)
    {
        _ = isH2 ? H2(layout.TlsPort, 16, seconds, folder) : Wrk(layout.PlainPort, 64, seconds);
    }

    private static PlainMeasure Wrk(int port, int connections, int seconds) => WrkOutput.Parse(Output("wrk", "-t1",
        Text(connections, "-c"), Text(seconds, "-d", "s"), "--latency", Text(port, "http://127.0.0.1:", "/")));

    private static PlainMeasure H2(int port, int connections, int seconds, string folder)
    {
        var log = Path.Combine(folder, "h2load.log");
        File.Delete(log);
        var text = Output("h2load", "-t1", Text(connections, "-c"), Text(PlainCase.Streams, "-m"), Text(seconds, "-D"),
            "--log-file=" + log, Text(port, "https://127.0.0.1:", "/"));
        return H2LoadOutput.Parse(text, File.ReadLines(log));
    }

    private static string Text(int number, string before, string after = "") =>
        before + number.ToString(CultureInfo.InvariantCulture) + after;

    private static string Output(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
            { RedirectStandardOutput = true, UseShellExecute = false })!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return text;
    }
}
