using System.Reflection;
using Holdfast.Configuration;
using Holdfast.Mail.Queue;
using Holdfast.Traffic;
using Holdfast.Traffic.Health;
using Holdfast.Web;

namespace Holdfast.Operator;

/// <summary>Puts together what status pages and readiness answer, at any phase of the process's life.</summary>
internal sealed class StatusBoard(
    Readiness readiness, ConfigurationStore store, ITrafficBoard board, IMailQueue queue, TrafficDesk desk,
    WebFlow web, TimeProvider time)
{
    private readonly DateTimeOffset _startedAt = time.GetUtcNow();

    public static string Version { get; } =
        typeof(StatusBoard).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
            .Split('+')[0] ?? "0";

    /// <summary>Reasons for <c>/readyz</c> to say 503; empty when ready.</summary>
    public IReadOnlyList<string> NotReady()
    {
        if (readiness.NotReady is { } reason)
            return [reason];
        return queue.Status().NotReady is { } mail ? [mail] : [];
    }

    public StatusView Status()
    {
        var mail = readiness.Phase is ProcessPhase.Ready or ProcessPhase.Draining ? queue.Status() : null;
        return new(Version, store.Current.Get<Configuration.HostOptions>().HostName, _startedAt,
            readiness.Phase.ToString(), readiness.NotReady ?? mail?.NotReady, store.Current.Source,
            mail is null ? null : new MailStatusView(mail.Waiting, mail.WaitingBytes, mail.InDelivery, mail.Held,
                mail.OldestAge?.TotalSeconds, mail.Pressure, mail.AcceptedPerSecond, mail.DeliveredPerSecond,
                mail.DeferredPerSecond, mail.Connections, mail.FreeDiskBytes),
            Sites(), desk.Acts()) { Web = Web() };
    }

    public IReadOnlyList<WebServiceView> Web()
    {
        var services = board.Snapshot(time.GetElapsedTime(0)).Services;
        return [.. web.Status().Select(s =>
        {
            var known = services.FirstOrDefault(k => k.Service == s.Service);
            return new WebServiceView(s.Service, s.Waiting, known?.ShedShare ?? 0, known?.IsClosed ?? false, s.Sessions,
                [.. s.Probes.Select(View)], [.. s.Canaries.Select(View)]);
        })];

        static ProbeView View(WebProbeStatus p) =>
            new(p.Site, p.Target, p.Fate, p.Detail, p.At, p.Took.TotalSeconds);
    }

    /// <summary>A closed site's canaries are no share of the traffic.</summary>
    internal static double ShareOf(SiteSnapshot site) =>
        site.Verdict.State == VerdictState.Closed ? 0 : site.Share;

    public IReadOnlyList<SiteView> Sites()
    {
        var now = time.GetElapsedTime(0);
        var wall = time.GetUtcNow();
        return [.. board.Snapshot(now).Sites.Select(site => new SiteView(site.Service, site.Site, site.Region,
            site.IsHome, View(site.Verdict), site.CapacityPerSecond, site.DeliveredPerSecond, site.FailedPerSecond,
            ShareOf(site), [.. site.Targets.Select(t => new TargetView(t.Address, View(t.Verdict), t.InFlight, t.Limit,
                t.DeliveredPerSecond, t.LatencyP50.TotalSeconds, wall + t.NextCanaryIn))],
            site.Weight, site.InFlight, site.Limit, site.ProvenPerSecond, site.HeadroomPerSecond,
            [.. site.Operations.Select(o => new OperationView(o.Operation.ToString(), o.PerSecond, o.SuccessShare,
                o.LatencyP50.TotalSeconds, o.LatencyP95.TotalSeconds, o.Evidence))])
            { FailingDependencies = site.FailingDependencies })];

        // The engine counts from the clock's zero; people want the hour.
        // A verdict that stands since its zero is as old as the process.
        VerdictView View(Verdict verdict)
        {
            var since = wall - (now - verdict.Since);
            return new(verdict.State.ToString(), since > _startedAt ? since : _startedAt, verdict.Evidence);
        }
    }
}
