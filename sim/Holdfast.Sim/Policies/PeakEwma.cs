using Holdfast.Sim.Clockwork;

namespace Holdfast.Sim.Policies;

/// <summary>Round-trip estimate that jumps to a peak at once and forgets it slowly, as Finagle's and tower's
/// <c>peak_ewma</c>: 30 ms to begin with, 10 s to decay, towards zero while nothing is heard.</summary>
internal struct PeakEwma
{
    private const double Initial = 0.030;
    private const double DecaySeconds = 10;
    private double _seconds;
    private TimeSpan _at;

    public static PeakEwma Fresh => new() { _seconds = Initial };

    public void Add(double seconds, TimeSpan now)
    {
        if (seconds > _seconds)
        {
            _seconds = seconds;
            _at = now;
            return;
        }
        var keep = Keep(now);
        _seconds = _seconds * keep + seconds * (1 - keep);
        _at = now;
    }

    public readonly double At(TimeSpan now) => _seconds * Keep(now);

    private readonly double Keep(TimeSpan now) => Exact.Exp(-Math.Max(0, (now - _at).TotalSeconds) / DecaySeconds);
}
