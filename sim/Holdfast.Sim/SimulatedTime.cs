namespace Holdfast.Sim;

/// <summary>A clock that the simulation moves.</summary>
internal sealed class SimulatedTime : TimeProvider
{
    private long _ticks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;
    public override long GetTimestamp() => _ticks;
    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddTicks(_ticks);
    public void Advance(TimeSpan by) => _ticks += by.Ticks;
}
