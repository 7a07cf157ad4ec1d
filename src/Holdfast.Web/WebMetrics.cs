using System.Diagnostics.Metrics;
using System.Globalization;
using Holdfast.Traffic.Health;

namespace Holdfast.Web;

/// <summary>What the web flow counts. Meter <c>Holdfast.Web</c>.</summary>
internal sealed class WebMetrics
{
    private readonly Histogram<double> _duration;
    private readonly Counter<long> _shed;
    private readonly Counter<long> _failed;
    private readonly Counter<long> _repeated;
    private readonly Counter<long> _hedged;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _sessions;
    private readonly Counter<long> _connectionsRefused;
    private readonly Counter<long> _connectionsCut;
    private Func<int>? _underWay;
    private Func<int>? _connections;
    private Func<IEnumerable<(string Listener, string Host, TimeSpan Left)>>? _certificates;
    private Func<IEnumerable<(string Service, int Count)>>? _waiting;

    public WebMetrics(IMeterFactory meters)
    {
        var meter = meters.Create("Holdfast.Web");
        // The standard's own name and attributes: nothing else in this process measures these requests.
        _duration = meter.CreateHistogram("http.server.request.duration", "s",
            "Time from a request's header to the end of its answer.", null, new InstrumentAdvice<double>
            {
                HistogramBucketBoundaries =
                    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30],
            });
        _shed = meter.CreateCounter<long>("holdfast.web.shed", "{request}", "Requests refused on purpose.");
        _failed = meter.CreateCounter<long>("holdfast.web.failed_attempts", "{attempt}",
            "Attempts that failed at a target.");
        _repeated = meter.CreateCounter<long>("holdfast.web.repeats", "{attempt}", "Attempts that repeat one.");
        _hedged = meter.CreateCounter<long>("holdfast.web.hedges", "{attempt}",
            "Second copies of top-class reads that took longer than nearly all.");
        _refused = meter.CreateCounter<long>("holdfast.web.refused", "{request}",
            "Requests that were malformed, forbidden here or without a route.");
        _sessions = meter.CreateCounter<long>("holdfast.web.sessions", "{request}",
            "Answered requests of routes with session cookies, by what became of the session.");
        meter.CreateObservableUpDownCounter("holdfast.web.under_way", () => _underWay?.Invoke() ?? 0, "{request}",
            "Requests that were placed and have not ended.");
        meter.CreateObservableGauge("holdfast.web.waiting", () => _waiting?.Invoke().Select(w =>
            new Measurement<int>(w.Count, new KeyValuePair<string, object?>("holdfast.service", w.Service))) ?? [],
            "{request}", "Requests that wait for a place.");
        _connectionsRefused = meter.CreateCounter<long>("holdfast.web.connections_refused", "{connection}",
            "Connections closed at a bound or in the handshake.");
        _connectionsCut = meter.CreateCounter<long>("holdfast.web.connections_cut", "{connection}",
            "HTTP/2 connections cut off because their clients flood.");
        meter.CreateObservableUpDownCounter("holdfast.web.connections", () => _connections?.Invoke() ?? 0,
            "{connection}", "Connections of clients that are open.");
        meter.CreateObservableGauge("holdfast.web.certificate_left", () => _certificates?.Invoke().Select(c =>
            new Measurement<double>(c.Left.TotalSeconds,
                new KeyValuePair<string, object?>("holdfast.listener", c.Listener),
                new KeyValuePair<string, object?>("holdfast.host", c.Host))) ?? [], "s",
            "Time until a certificate of a listener expires.");
    }

    /// <summary>Names who knows the connections and the certificates that they are shown.</summary>
    public void Observe(Func<int> connections,
        Func<IEnumerable<(string Listener, string Host, TimeSpan Left)>> certificates) =>
        (_connections, _certificates) = (connections, certificates);

    /// <param name="reason"><c>connections</c>, <c>address</c>, <c>server_name</c> or <c>handshake</c>.</param>
    public void ConnectionRefused(string reason) =>
        _connectionsRefused.Add(1, new KeyValuePair<string, object?>("error.type", reason));

    public void ConnectionCut() => _connectionsCut.Add(1);

    public void Observe(Func<int> underWay, Func<IEnumerable<(string Service, int Count)>> waiting) =>
        (_underWay, _waiting) = (underWay, waiting);

    public void Ended(string method, int status, string route, string protocol, double seconds)
    {
        if (!_duration.Enabled)
            return;
        _duration.Record(seconds, new("http.request.method", MethodName(method)),
            new("http.response.status_code", Boxed(status)), new("http.route", route),
            new("network.protocol.version", protocol));
    }

    /// <param name="reason"><c>shed</c>, <c>waited</c>, <c>closed</c> or <c>no_target</c>.</param>
    public void Shed(string service, string reason) =>
        _shed.Add(1, new("holdfast.service", service), new("error.type", reason));

    public void AttemptFailed(string site, in TrafficOutcome outcome) => _failed.Add(1,
        new("holdfast.site", site), new("error.type", outcome.Phase == AttemptPhase.Connect ? "connect"
            : outcome.IsPushBack ? "push_back" : outcome.Detail is { } detail
            && detail.StartsWith(TrafficDetail.Stall, StringComparison.Ordinal) ? "timeout" : "answer"));

    public void Repeated() => _repeated.Add(1);

    public void Hedged() => _hedged.Add(1);

    /// <param name="fate"><c>bound</c>, <c>kept</c> or <c>moved</c>.</param>
    public void Session(string service, string fate) =>
        _sessions.Add(1, new("holdfast.service", service), new("holdfast.fate", fate));

    public void Refused(string reason) => _refused.Add(1, new KeyValuePair<string, object?>("error.type", reason));

    /// <summary>Methods that anybody may invent are one: <c>_OTHER</c>, as the semantic conventions say.</summary>
    private static string MethodName(string method) => method is "GET" or "HEAD" or "POST" or "PUT" or "DELETE"
        or "OPTIONS" or "PATCH" or "TRACE" or "CONNECT" ? method : "_OTHER";

    private static readonly object[] s_statuses = [.. Enumerable.Range(0, 600).Select(i => (object)i)];

    private static object Boxed(int status) => (uint)status < (uint)s_statuses.Length ? s_statuses[status]
        : status.ToString(CultureInfo.InvariantCulture);
}
