using System.Diagnostics.Metrics;

namespace Holdfast.Mail.Receive;

/// <summary>What the receiving end counts. Meter <c>Holdfast.Mail</c>.</summary>
internal sealed class ReceiveMetrics
{
    private readonly Counter<long> _messages;
    private readonly Counter<long> _content;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _shed;
    private readonly Counter<long> _sessions;
    private readonly UpDownCounter<long> _active;
    private readonly Counter<long> _handshakes;
    private readonly Counter<long> _signInFailures;
    private Func<IEnumerable<(string Listener, TimeSpan Left)>>? _certificates;
    private long _acceptedTotal;

    public ReceiveMetrics(IMeterFactory meters)
    {
        var meter = meters.Create("Holdfast.Mail");
        _messages = meter.CreateCounter<long>("holdfast.receive.messages", "{message}", "Messages accepted.");
        _content = meter.CreateCounter<long>("holdfast.receive.content", "By", "Content of accepted messages.");
        _refused = meter.CreateCounter<long>("holdfast.receive.refused", "{refusal}",
            "Commands, messages and connections refused.");
        _shed = meter.CreateCounter<long>("holdfast.receive.shed", "{refusal}",
            "Commands, messages and connections refused to protect ourselves.");
        _sessions = meter.CreateCounter<long>("holdfast.receive.sessions", "{session}", "Sessions begun.");
        _active = meter.CreateUpDownCounter<long>("holdfast.receive.active_sessions", "{session}", "Sessions now.");
        _handshakes = meter.CreateCounter<long>("holdfast.receive.tls_handshakes", "{handshake}", "TLS handshakes.");
        _signInFailures = meter.CreateCounter<long>("holdfast.receive.sign_in_failures", "{attempt}",
            "Sign-ins refused.");
        meter.CreateObservableGauge("holdfast.receive.certificate_left", () => _certificates?.Invoke().Select(c =>
            new Measurement<double>(c.Left.TotalSeconds, Tag(c.Listener))) ?? [], "s",
            "Time until a listener's certificate expires.");
    }

    /// <summary>Names who knows the certificates that are served.</summary>
    public void Observe(Func<IEnumerable<(string Listener, TimeSpan Left)>> certificates) =>
        _certificates = certificates;

    /// <summary>Messages accepted since the start, for status.</summary>
    public long AcceptedTotal => Volatile.Read(ref _acceptedTotal);

    public void Accepted(string listener, long bytes)
    {
        Interlocked.Increment(ref _acceptedTotal);
        var tag = new KeyValuePair<string, object?>("holdfast.listener", listener);
        _messages.Add(1, tag);
        _content.Add(bytes, tag);
    }

    public void Refused(string listener, string error) => _refused.Add(1, Tag(listener), Error(error));

    public void Shed(string listener, string error) => _shed.Add(1, Tag(listener), Error(error));

    public void SessionBegan(string listener)
    {
        _sessions.Add(1, Tag(listener));
        _active.Add(1, Tag(listener));
    }

    public void SessionEnded(string listener) => _active.Add(-1, Tag(listener));

    public void Handshake(string listener, string protocolVersion) =>
        _handshakes.Add(1, Tag(listener), new KeyValuePair<string, object?>("tls.protocol.version", protocolVersion));

    public void HandshakeFailed(string listener, string error) => _handshakes.Add(1, Tag(listener), Error(error));

    public void SignInFailed(string listener, string error) => _signInFailures.Add(1, Tag(listener), Error(error));

    private static KeyValuePair<string, object?> Tag(string listener) => new("holdfast.listener", listener);

    private static KeyValuePair<string, object?> Error(string error) => new("error.type", error);
}
