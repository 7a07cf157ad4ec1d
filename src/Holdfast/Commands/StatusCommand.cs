using System.CommandLine;
using System.Globalization;
using Holdfast.Configuration;
using Holdfast.Operator;
using Holdfast.Traffic.Health;

namespace Holdfast.Commands;

/// <summary><c>holdfast status</c>: sites, targets, verdicts, rates, backlog.</summary>
internal static class StatusCommand
{
    public static Command Create()
    {
        var command = new ExampledCommand("status",
            "Show whether the server is ready, its backlog and rates, and every site and target with its verdict.",
            "holdfast status", "holdfast status --json | jq .mail.waiting");
        var server = new ServerChoice(command);
        var json = JsonOption.Create();
        command.Add(json);
        command.SetAction(async (parsed, abort) =>
        {
            using var client = server.Connect(parsed);
            var status = await client.GetAsync("/api/v1/status", OperatorJson.Default.StatusView, abort);
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json))
                JsonOption.Write(output, status, OperatorJson.Default.StatusView);
            else
                Write(output, status);
            return status.NotReady is null ? ExitCode.Ok : ExitCode.NotReady;
        });
        return command;
    }

    internal static void Write(TextWriter output, StatusView status)
    {
        output.WriteLine($"{status.HostName}: holdfast {status.Version}, {status.Phase.ToLowerInvariant()}"
            + (status.NotReady is null ? "" : $": {Terminal.Printable(status.NotReady)}"));
        output.WriteLine($"up since {Moment.Of(status.StartedAt)}, configuration {status.Configuration}");
        if (status.Mail is { } mail)
        {
            var oldest = mail.OldestAgeSeconds is { } age
                ? $", the oldest {Quantity.Roughly(TimeSpan.FromSeconds(age))}" : "";
            output.WriteLine($"waiting {mail.Waiting} {(mail.Waiting == 1 ? "message" : "messages")} "
                + $"({Quantity.Bytes(mail.WaitingBytes)}){oldest}; "
                + $"in delivery {mail.InDelivery}, held {mail.Held}");
            output.WriteLine($"a second: accepted {Number(mail.AcceptedPerSecond)}, "
                + $"delivered {Number(mail.DeliveredPerSecond)}, deferred {Number(mail.DeferredPerSecond)}; "
                + $"connections {mail.Connections}; pressure {mail.Pressure}; "
                + $"disk free {Quantity.Bytes(mail.FreeDiskBytes)}");
        }
        foreach (var service in status.Web)
            output.WriteLine(Terminal.Printable(Words(service)));
        if (status.Acts.Count > 0)
        {
            output.WriteLine();
            TrafficActCommand.WriteActs(output, status.Acts);
        }
        if (status.Sites.Count == 0)
            return;
        output.WriteLine();
        var rows = new List<IReadOnlyList<Cell>>();
        foreach (var site in status.Sites)
        {
            rows.Add([site.Site + (site.IsHome ? " (home)" : ""), site.Region, Cell.State(site.Verdict.State),
                Moment.Of(site.Verdict.Since), Number(site.DeliveredPerSecond), Number(site.FailedPerSecond),
                Share(site),
                $"{site.InFlight}/{site.Limit}", Number(site.ProvenPerSecond), Number(site.HeadroomPerSecond),
                WithDependencies(site)]);
            foreach (var target in site.Targets)
            {
                var goesWithSite = GoesWithSite(site, target);
                rows.Add(["  " + target.Address, "", goesWithSite ? "-" : Cell.State(target.Verdict.State),
                    goesWithSite ? "" : Moment.Of(target.Verdict.Since), Number(target.DeliveredPerSecond), "", "",
                    $"{target.InFlight}/{target.Limit}", "", "", WithCanary(target, goesWithSite)]);
            }
        }
        Terminal.WriteTable(output, ["Site / target", "Region", "Verdict", "Since", "Delivered/s", "Failed/s", "Share",
            "In flight", "Proven/s", "Room/s", "Evidence"], rows);
    }

    /// <summary>What was seen of the target stands at its closed site, which took its verdict over: "Healthy" would
    /// be read as the target's.</summary>
    private static bool GoesWithSite(SiteView site, TargetView target) =>
        site.Verdict.State == nameof(VerdictState.Closed) && target.Verdict.State == nameof(VerdictState.Healthy);

    private static string WithDependencies(SiteView site) => site.FailingDependencies.Count == 0
        ? site.Verdict.Evidence : string.Join("; ", new[] { site.Verdict.Evidence, "needs "
            + string.Join(", ", site.FailingDependencies) + ", at which several sites fail" }.Where(p => p.Length > 0));

    private static string WithCanary(TargetView target, bool goesWithSite)
    {
        string[] parts =
        [
            goesWithSite ? "closed with its site" : "",
            target.NextCanaryAt is { } canary ? $"next canary {Moment.Of(canary)}" : "",
            target.Verdict.Evidence,
        ];
        return string.Join("; ", parts.Where(p => p.Length > 0));
    }

    /// <summary>A web service in one line: what waits, what is refused, what fails beside traffic.</summary>
    private static string Words(WebServiceView service)
    {
        List<string> parts = [$"waiting {service.Waiting}"];
        if (service.IsClosed)
            parts.Add("every site closed");
        else if (service.ShedShare > 0)
            parts.Add(service.ShedShare.ToString("shed 0.# %", CultureInfo.InvariantCulture));
        Add("probes", service.Probes);
        Add("canaries", service.Canaries);
        if (service.Sessions is { } sessions)
            parts.Add($"sessions: {sessions.Bound} bound, {sessions.Kept} kept, {sessions.Moved} moved");
        return $"web service {service.Service}: {string.Join("; ", parts)}";

        void Add(string what, IReadOnlyList<ProbeView> all)
        {
            if (all.Count == 0)
                return;
            const int shown = 3;
            var bad = all.Where(p => p.Fate != "passed").ToArray();
            parts.Add($"{what} {all.Count - bad.Length} of {all.Count} pass"
                + (bad.Length == 0 ? "" : $" (not {string.Join(", ", bad.Take(shown).Select(p =>
                    $"{p.Target ?? p.Site}: {p.Detail}"))}{(bad.Length > shown ? ", …" : "")})"));
        }
    }

    private static string Share(SiteView site)
    {
        if (site.Verdict.State == nameof(VerdictState.Closed))
            return "-";
        var share = site.Share.ToString("0 %", CultureInfo.InvariantCulture);
        return site.Weight < 1 ? share + site.Weight.ToString(" × 0.##", CultureInfo.InvariantCulture) : share;
    }

    private static string Number(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);
}
