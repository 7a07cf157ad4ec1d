using System.Globalization;
using System.Net.Http;
using System.Text;
using System.Text.Json;
using Holdfast.Bench.Peers;

namespace Holdfast.Bench.Drain;

/// <param name="Messages">Sent while the site is dark, beside fresh mail.</param>
/// <param name="Limit">The run is cut off at so many times the optimum.</param>
internal sealed record DrainPlan(int Messages, double Capacity, double FreshPerSecond, double Limit);

/// <summary>What one run came to.</summary>
internal sealed record DrainResult(string Name, DrainPlan Plan, int Waiting, double Optimum, double? Took,
    double Drained, double? NoticedAfter, double RampSeconds, double RampedRatio, double FreshP50, double FreshP99,
    double FreshMax, double FreshLaterP99, double FreshUsualP99, double Peak, double PeakShare99, int Refused, int Dark, int Lost, int Twice, string Seconds);

/// <summary>One backlog: a site goes dark, mail gathers, the site returns with its capacity, fresh mail goes on.
/// </summary>
internal static class DrainRun
{
    private const double WarmSeconds = 20;
    private const double DarkSeconds = 45;
    private const int FreshConnections = 4;
    private const int FillConnections = 40;
    /// <summary>Seconds in which fresh mail belongs to the return itself.</summary>
    private const double Settled = 30;

    public static DrainResult Run(string name, TestedSystem system, int sinkPort, int? httpPort, DrainPlan plan)
    {
        var record = new DrainRecord();
        var model = new SiteModel(plan.Capacity);
        using var sink = new RecoveringSink(sinkPort, model, record);
        system.Start(sinkPort);
        var fresh = new DrainSender(system.Port, record);
        fresh.Keep(plan.FreshPerSecond, FreshConnections);
        // 1. The usual day, so that both know the site.
        Pause(WarmSeconds);
        var usual = record.Delays(0, record.Now - 5);
        // 2. Dark.
        sink.IsDark = true;
        var darkAt = record.Now;
        new DrainSender(system.Port, record).Fill(plan.Messages, FillConnections);
        Console.WriteLine(F($"{name}: {record.Accepted(darkAt, record.Now)} accepted in {record.Now - darkAt:F0} s"));
        Pause(DarkSeconds);
        // 3. Back.
        sink.IsDark = false;
        var backAt = Math.Floor(record.Now * 1000) / 1000;
        var accepted = record.Accepted(0, backAt);
        var waiting = accepted - record.Delivered(0, backAt);
        var estimate = waiting / (model.Capacity - plan.FreshPerSecond);
        Console.WriteLine(F($"{name}: {waiting} waiting; the optimum is about {estimate:F0} s"));
        var states = new List<string>();
        using var client = new HttpClient();
        while (record.Delivered(0, backAt) < accepted && record.Now < backAt + plan.Limit * estimate)
        {
            Pause(backAt + states.Count + 1 - record.Now);
            states.Add(httpPort is { } port ? State(client, port) : "");
            if (states.Count % 10 == 0)
                Console.WriteLine(F($"{name}: {record.Now - backAt:F0} s, {accepted - record.Delivered(0, backAt)} left; {states[^1]}"));
        }
        var endAt = record.Now;
        fresh.Stop();
        var isDrained = record.Delivered(0, backAt) >= accepted;
        if (isDrained)
        {
            for (var i = 0; i < 60 && record.Delivered(0, endAt + 10) < record.Accepted(0, endAt + 10); i++)
                Pause(1);
        }
        var result = Measure(name, plan, record, model, backAt, darkAt, waiting, isDrained ? null : endAt, states);
        return result with { FreshUsualP99 = At(usual, 0.99) };
    }

    private static DrainResult Measure(string name, DrainPlan plan, DrainRecord record, SiteModel model, double backAt,
        double darkAt, int waiting, double? cutAt, List<string> states)
    {
        var optimum = record.Optimum(model.Capacity, backAt, waiting);
        var end = cutAt ?? record.LastDelivery(backAt);
        var seconds = (int)Math.Ceiling(end - backAt);
        var text = new StringBuilder("second,offered,refused,old,fresh,fresh_p50,fresh_max,state\n");
        var offered = new List<int>();
        double? noticed = null;
        var ramp = 0;
        for (var second = 0; second < seconds; second++)
        {
            var (from, to) = (backAt + second, backAt + second + 1);
            offered.Add(record.Offered(from, to));
            var old = record.DeliveredWithin(0, backAt, from, to);
            var young = record.DeliveredWithin(backAt, double.MaxValue, from, to);
            if (old + young > 0)
                noticed ??= second;
            if (ramp == 0 && old + young >= 0.9 * model.Capacity)
                ramp = second;
            var delays = record.Delays(from, to);
            text.AppendLine(F($"{second},{offered[^1]},{record.Offered(from, to, onlyRefused: true)},{old},{young},{At(delays, 0.5):F2},{At(delays, 1):F2},{(second < states.Count ? states[second] : "")}"));
        }
        var drained = record.DeliveredWithin(0, backAt, backAt, end);
        var sorted = offered.Order().ToArray();
        var rampAt = backAt + ramp;
        var left = waiting + record.Accepted(backAt, rampAt) - record.DeliveredWithin(0, double.MaxValue, backAt, rampAt);
        var ramped = ramp > 0 && cutAt is null ? record.Optimum(model.Capacity, rampAt, left) / (end - rampAt) : 0;
        var fresh = record.Delays(backAt, end);
        return new DrainResult(name, plan, waiting, optimum, cutAt is null ? end - backAt : null,
            (double)drained / waiting, noticed, ramp, ramped, At(fresh, 0.5), At(fresh, 0.99), At(fresh, 1),
            At(record.Delays(backAt + Settled, end), 0.99), 0, sorted.Length == 0 ? 0 : sorted[^1] / model.Capacity,
            sorted.Length == 0 ? 0 : sorted[(int)((sorted.Length - 1) * 0.99)] / model.Capacity,
            record.Offered(backAt, end, onlyRefused: true), record.Offered(darkAt, backAt),
            cutAt is null ? record.Accepted(0, double.MaxValue) - record.Delivered(0, double.MaxValue) : 0, record.Twice, text.ToString());
    }

    private static string State(HttpClient client, int port)
    {
        try
        {
            using var json = JsonDocument.Parse(client.GetStringAsync(new Uri($"http://127.0.0.1:{port}/api/v1/sites"))
                .GetAwaiter().GetResult());
            var site = json.RootElement[0];
            return F($"{site.GetProperty("verdict").GetProperty("state").GetString()} capacity {site.GetProperty("capacityPerSecond").GetDouble():F0} headroom {site.GetProperty("headroomPerSecond").GetDouble():F0} in flight {site.GetProperty("inFlight").GetInt32()} of {site.GetProperty("limit").GetInt32()}");
        }
        catch (Exception e) when (e is HttpRequestException or JsonException or InvalidOperationException)
        {
            return "no answer";
        }
    }

    private static double At(double[] sorted, double share) =>
        sorted.Length == 0 ? 0 : sorted[(int)Math.Round((sorted.Length - 1) * share)];

    private static void Pause(double seconds)
    {
        using var pause = new ManualResetEventSlim();
        pause.Wait(TimeSpan.FromSeconds(Math.Max(0, seconds)));
    }

    private static string F(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
