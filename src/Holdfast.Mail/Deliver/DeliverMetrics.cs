using System.Diagnostics.Metrics;
using Holdfast.Traffic.Health;

namespace Holdfast.Mail.Deliver;

/// <summary>What delivery counts.</summary>
internal sealed class DeliverMetrics
{
    private readonly Counter<long> _delivered;
    private readonly Counter<long> _deferred;
    private readonly Counter<long> _moved;
    private readonly Counter<long> _failed;
    private readonly Counter<long> _unknown;
    private readonly Counter<long> _notices;
    private readonly Counter<long> _opened;
    private readonly Counter<long> _connectFailed;
    private readonly Counter<long> _unasked;
    private readonly Histogram<double> _delay;
    private readonly UpDownCounter<long> _connections;

    private long _deliveredTotal;
    private long _deferredTotal;

    public DeliverMetrics(IMeterFactory factory)
    {
        Meter = factory.Create("Holdfast.Mail");
        _delivered = Meter.CreateCounter<long>("holdfast.deliver.delivered", "{recipient}",
            "Recipients whose message a target took over.");
        _deferred = Meter.CreateCounter<long>("holdfast.deliver.deferred", "{recipient}",
            "Recipients put off after an attempt, by the scope of the failure.");
        _moved = Meter.CreateCounter<long>("holdfast.deliver.moved", "{recipient}",
            "Recipients placed again at once because a target or site failed.");
        _failed = Meter.CreateCounter<long>("holdfast.deliver.failed", "{recipient}",
            "Recipients that failed for good, by cause (bounced, expired).");
        _unknown = Meter.CreateCounter<long>("holdfast.deliver.unknown_outcomes", "{recipient}",
            "Attempts without a reply to the final dot: each may have made a duplicate.");
        _notices = Meter.CreateCounter<long>("holdfast.deliver.notices", "{message}",
            "Delay, failure and relay notices made.");
        _opened = Meter.CreateCounter<long>("holdfast.deliver.connections_opened", "{connection}",
            "Connections to targets that reached a greeting and EHLO.");
        _connectFailed = Meter.CreateCounter<long>("holdfast.deliver.connection_failures", "{connection}",
            "Connections that failed before mail could be offered.");
        _unasked = Meter.CreateCounter<long>("holdfast.deliver.unasked_replies", "{connection}",
            "Connections closed between messages because the target had said more than it was asked.");
        _delay = Meter.CreateHistogram("holdfast.deliver.delay", "s",
            "Time from acceptance to the target's final reply.",
            advice: new InstrumentAdvice<double>
            {
                HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800,
                    7200, 28800, 86400],
            });
        _connections = Meter.CreateUpDownCounter<long>("holdfast.deliver.connections", "{connection}",
            "Open connections to targets.");
    }

    public Meter Meter { get; }

    /// <summary>Shows the scheduler's counts when somebody reads them.</summary>
    public void Observe(Func<ScheduleCounts> counts)
    {
        Meter.CreateObservableUpDownCounter("holdfast.deliver.in_flight", () => (long)counts().InDelivery, "{message}",
            "Attempts under way.");
        Meter.CreateObservableUpDownCounter("holdfast.deliver.waiting", () =>
        {
            var now = counts();
            return new[]
            {
                Waiting(now.Unrouted, "unrouted"), Waiting(now.Ready, "ready"), Waiting(now.Scheduled, "scheduled"),
                Waiting(now.DestinationClosed, "closed"), Waiting(now.Held, "held"),
            };
        }, "{message}", "Waiting messages (a message counts once a route), by state.");
        static Measurement<long> Waiting(int count, string state) =>
            new(count, new KeyValuePair<string, object?>("holdfast.state", state));
    }

    public void Delivered(int recipients, TimeSpan sinceAccepted)
    {
        _delivered.Add(recipients);
        Interlocked.Add(ref _deliveredTotal, recipients);
        _delay.Record(Math.Max(0, sinceAccepted.TotalSeconds));
    }

    /// <summary>Recipients delivered since the start, for status pages.</summary>
    public long DeliveredTotal => Interlocked.Read(ref _deliveredTotal);
    /// <summary>Attempts put off since the start.</summary>
    public long DeferredTotal => Interlocked.Read(ref _deferredTotal);

    public void Deferred(FailureScope scope)
    {
        _deferred.Add(1, Error(ScopeName(scope)));
        Interlocked.Increment(ref _deferredTotal);
    }

    public void Moved() => _moved.Add(1);
    public void Failed(string cause) => _failed.Add(1, Error(cause));
    public void OutcomeUnknown() => _unknown.Add(1);
    public void Notice(string kind) => _notices.Add(1, new KeyValuePair<string, object?>("holdfast.notice", kind));

    public void Opened()
    {
        _opened.Add(1);
        _connections.Add(1);
    }

    public void Closed() => _connections.Add(-1);
    public void Unasked() => _unasked.Add(1);
    public void ConnectFailed(string cause) => _connectFailed.Add(1, Error(cause));

    private static KeyValuePair<string, object?> Error(string type) => new("error.type", type);

    private static string ScopeName(FailureScope scope) => scope switch
    {
        FailureScope.Recipient => "recipient",
        FailureScope.Message => "message",
        FailureScope.SourceAddress => "source_address",
        FailureScope.Target => "target",
        FailureScope.Site => "site",
        FailureScope.Route => "route",
        FailureScope.Unclassified => "unclassified",
        _ => "none",
    };
}
