using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;
using Microsoft.Extensions.Logging;

namespace Holdfast.Mail.Receive;

/// <summary>What every session shares.</summary>
internal sealed class ReceiveContext(IMailSpool spool, IEvidenceJournal evidence, ReceiveMetrics metrics,
    SignIn signIn, TimeProvider time, ILogger logger)
{
    public IMailSpool Spool { get; } = spool;
    public IEvidenceJournal Evidence { get; } = evidence;
    public ReceiveMetrics Metrics { get; } = metrics;
    public SignIn SignIn { get; } = signIn;
    public TimeProvider Time { get; } = time;
    public ILogger Logger { get; } = logger;
    public ConnectionLimits Limits { get; } = new();

    public ReceivePolicy Policy { get => Volatile.Read(ref field); set => Volatile.Write(ref field, value); } =
        new(new ReceiveOptions(), "localhost", null);

    /// <summary>Addresses whose mail ends here; null: none.</summary>
    public IProbeAddresses? Probes { get => Volatile.Read(ref field); set => Volatile.Write(ref field, value); }

    /// <summary>No new mail: sessions end with 421 4.3.2 as soon as they are between messages.</summary>
    public bool IsDraining { get => Volatile.Read(ref field); set => Volatile.Write(ref field, value); }

    /// <summary>The drain's time is up: sessions end with 421 4.3.2 whatever they are at.</summary>
    public bool IsDrainOver { get => Volatile.Read(ref field); set => Volatile.Write(ref field, value); }

    public bool IsStressed => Limits.Total >= Policy.StressConnections;

    /// <summary>Monotonic time since the host started.</summary>
    public TimeSpan Now => Time.GetElapsedTime(0);
}
