using System.Runtime.CompilerServices;

namespace Holdfast.Traffic.Limits;

/// <summary>Paces operations: in any time t at most rate·t + burst are let through.</summary>
/// <remarks>Times are seconds of engine time. The rate may change at any call; tokens earned stay, up to the burst.
/// </remarks>
internal struct TokenBucket
{
    private double _tokens;
    private double _at;

    /// <summary>Starts full.</summary>
    public static TokenBucket Full(double burst, double now) => new() { _tokens = burst, _at = now };

    public readonly double Tokens => _tokens;

    /// <summary>Brings the bucket up to date.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Refill(double rate, double burst, double now)
    {
        if (now > _at)
        {
            _tokens += (now - _at) * rate;
            _at = now;
        }
        if (_tokens > burst)
            _tokens = burst;
    }

    /// <summary>Takes one token if <paramref name="keep"/> would still be left.</summary>
    public bool TryTake(double keep = 0)
    {
        if (_tokens < 1 + keep - 1e-9)
            return false;
        _tokens -= 1;
        return true;
    }

    /// <summary>Takes one whether it is there or not, down to a debt of so many.</summary>
    public void Overdraw(double debtMax) => _tokens = Math.Max(Math.Min(_tokens, -debtMax), _tokens - 1);

    /// <summary>Seconds until <see cref="TryTake"/> can succeed at this rate.</summary>
    public readonly double WaitFor(double rate, double keep = 0) => Math.Max(0, (1 + keep - _tokens) / rate);
}
