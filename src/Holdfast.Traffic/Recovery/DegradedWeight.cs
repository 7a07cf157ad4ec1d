namespace Holdfast.Traffic.Recovery;

/// <summary>How much a target or site that fails in part is still given, and how it earns the rest back.</summary>
/// <remarks>
/// Guards against panic: what fails in part is never cut off while it is needed. It keeps a small share, so that its
/// return is seen in traffic, and is the last resort for what the others have no room for.
/// Formula: weight = success⁸, at least 1/50 (success itself where the others have no room: see the engine). Back by
/// the change test turned round: outcomes gather ln(likelihood if ordinary / likelihood if as bad as it was); at 3 nats
/// the weight grows by half and the sum starts again; below −3 nats it is halved.
/// Known to do badly: a failure share that wanders around 5 % keeps the weight wandering.
/// </remarks>
internal sealed class DegradedWeight
{
    public const double Floor = 0.02;
    private const double Ordinary = 0.01;
    private const double BadMin = 0.05;
    private const double BadMax = 0.95;
    private const double Enough = 3;
    private const double Factor = 1.5;
    private const double StepSeconds = 2;
    private double _up;
    private double _down;
    private double _sum;
    private double _stepAt;

    public double Weight { get; private set; } = 1;

    /// <param name="failureShare">How bad it is.</param>
    public void Begin(double failureShare, double now)
    {
        var bad = Math.Clamp(failureShare, BadMin, BadMax);
        _up = Math.Log((1 - Ordinary) / (1 - bad));
        _down = Math.Log(bad / Ordinary);
        _sum = 0;
        _stepAt = now + StepSeconds;
        var success = 1 - Math.Clamp(failureShare, 0, 1);
        var fourth = success * success * success * success;
        Weight = Math.Max(Floor, Math.Min(Weight, fourth * fourth));
    }

    public void Reset() => Weight = 1;

    public void Succeed() => _sum = Math.Min(_sum + _up, Enough);

    public void Fail() => _sum = Math.Max(_sum - _down, -Enough);

    /// <summary>Returns true when the whole weight is earned back.</summary>
    public bool Tick(double now)
    {
        if (now < _stepAt)
            return false;
        if (_sum >= Enough)
        {
            _sum = 0;
            _stepAt = now + StepSeconds;
            Weight *= Factor;
            if (Weight < 1)
                return false;
            Weight = 1;
            return true;
        }
        if (_sum <= -Enough)
        {
            _sum = 0;
            _stepAt = now + StepSeconds;
            Weight = Math.Max(Floor, Weight / 2);
        }
        return false;
    }
}
