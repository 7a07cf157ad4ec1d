namespace Holdfast.Traffic.Health;

/// <summary>What is remembered of the probes of a target, to weigh them against its traffic.</summary>
/// <remarks>Times are seconds of engine time.</remarks>
internal struct ProbeMemory()
{
    /// <summary>A target that was asked something so lately is judged by the answer.</summary>
    private const double TrafficSeconds = 10;
    /// <summary>Beside traffic no more failures than one in so long count, however often it is probed.</summary>
    private const double BesideTrafficSeconds = 1.5;
    private double _countedAt = double.NegativeInfinity;
    private double _trafficAt = double.NegativeInfinity;

    /// <summary>When a probe failed last.</summary>
    public double FailedAt = double.NegativeInfinity;
    /// <summary>The last one failed.</summary>
    public bool IsFailing;

    /// <summary>Told at each probe: when the target's last outcome of any kind came. One that no probe made is
    /// traffic's.</summary>
    public void Look(double outcomeAt)
    {
        if (outcomeAt > _countedAt)
            _trafficAt = outcomeAt;
    }

    public void Count(double now) => _countedAt = now;

    public readonly bool HasTraffic(double now) => now - _trafficAt <= TrafficSeconds;

    public readonly bool MayCountFailure(double now) =>
        !HasTraffic(now) || now - _countedAt >= BesideTrafficSeconds;
}
