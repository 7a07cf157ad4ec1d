using Holdfast.Traffic.Limits;

namespace Holdfast.Traffic.Retry;

/// <summary>How many retries and hedges a region's traffic may add.</summary>
/// <remarks>
/// Guards against retries that keep an overload alive after its cause has gone (metastable failures).
/// Formula: each first attempt earns a tenth of a retry, charged when the retry is placed, at least one a second, at
/// most ten saved; hedges earn a fiftieth. None while requests are shed. Attempts ≤ 1.12 × requests + 1/s.
/// Defaults: 10 % from Google's SRE book; Linkerd and Finagle give 20 %.
/// Known to do badly: a service of few requests, which the one a second serves.
/// </remarks>
internal struct RetryBudget
{
    private const double EarnedByRequest = 0.1;
    private const double EarnedForHedge = 0.02;
    private const double PerSecondMin = 1;
    private const double SavedMax = 10;
    private double _retries;
    private double _hedges;
    private TokenBucket _atLeast;

    public static RetryBudget At(double now) => new() { _atLeast = TokenBucket.Full(1, now) };

    public void Request()
    {
        _retries = Math.Min(SavedMax, _retries + EarnedByRequest);
        _hedges = Math.Min(SavedMax, _hedges + EarnedForHedge);
    }

    public bool MayRetry(double now)
    {
        if (_retries >= 1)
            return true;
        _atLeast.Refill(PerSecondMin, 1, now);
        return _atLeast.Tokens >= 1;
    }

    public void TakeRetry()
    {
        if (_retries >= 1)
            _retries -= 1;
        else
            _atLeast.TryTake();
    }

    public readonly bool MayHedge => _hedges >= 1;

    public void TakeHedge() => _hedges -= 1;
}
