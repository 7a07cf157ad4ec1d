namespace Holdfast.Traffic.Health;

/// <summary>What end-to-end checks say of a site: a mail sent through and read back, a write then a read.</summary>
/// <remarks>
/// Guards against what accepts and never processes: its traffic looks well. Formula: 2 of the last 3 late or lost →
/// weight × 0.25; 3 in a row → closed, and then only passing canaries open it: 2 in a row.
/// Not closed while the site pushes back or answers at twice its usual time (see the engine): there a canary queues
/// like everything else.
/// Late is more than max(10 s, 3 × the median of those that passed); the first that comes back is not.
/// Known to do badly: where nobody sends canaries it knows nothing, and says so by <see cref="IsInUse"/>.
/// </remarks>
internal struct EndToEndCanaries
{
    public const double LateWeight = 0.25;
    private const double LateMin = 10;
    private const double LateFactor = 3;
    private const double UseSeconds = 60;
    private const int PassesToOpen = 2;
    private uint _late;
    private int _count;
    private int _passesInRow;
    private double _usual;
    private double _at;
    private double _passedAt;

    public readonly bool IsInUse(double now) => _count > 0 && now - _at < UseSeconds;
    public readonly double Weight => _count >= 2 && uint.PopCount(_late & 7) >= 2 ? LateWeight : 1;
    public readonly bool MustClose => _count >= 3 && (_late & 7) == 7;
    public readonly bool MayOpen => _passesInRow >= PassesToOpen;
    public readonly bool LastPassed => _passesInRow > 0;

    public readonly double PassedAgo(double now) => _passedAt > 0 ? now - _passedAt : double.PositiveInfinity;

    public void Report(bool passed, double latency, double now)
    {
        var isLate = !passed || (_usual > 0 && latency > Math.Max(LateMin, LateFactor * _usual));
        _at = now;
        _late = (_late << 1) | (isLate ? 1u : 0);
        _count = Math.Min(3, _count + 1);
        _passesInRow = isLate ? 0 : _passesInRow + 1;
        if (!isLate)
            _passedAt = now;
        // A sign rule finds the median: up or down by a twentieth.
        if (!isLate)
            _usual = _usual <= 0 ? latency : _usual * (latency > _usual ? 1.05 : 1 / 1.05);
    }

    public readonly string Describe() => $"{uint.PopCount(_late & 7)} of the last {_count} end-to-end canaries late "
        + "or lost";
}
