using Holdfast.Traffic.Limits;

namespace Holdfast.Traffic.Recovery;

/// <summary>How fast waiting mail goes to a site that has come back: only what fresh mail leaves.</summary>
/// <remarks>
/// Guards against the backlog that topples what has just come back, and keeps fresh mail first.
/// Formula: from <c>BacklogShare</c> of what the site may be given it doubles each second in which it was what held
/// mail back, up to the first failure (TCP's slow start); a failure halves it, at most once a second, and from then on
/// it doubles only up to half of what fresh mail leaves, and then gains <c>BacklogGrowth</c> a second. At 0.97 it holds
/// nothing back any more. What the site may be given is the ramp's, so a doubling share of it is still at most that.
/// Known to do badly: a site that takes fresh mail and is toppled by old (both are alike to it here).
/// </remarks>
internal sealed class BacklogPace
{
    private const double Ceiling = 0.97;
    private const double HalfOfLeft = 0.5;
    private double _share;
    private double _half;
    private TokenBucket _bucket;
    private bool _used;
    private bool _failed;
    private bool _failedInWindow;

    /// <summary>True from a closure until waiting mail may take all that fresh mail leaves.</summary>
    public bool IsGated { get; private set; }

    public void Begin(TrafficOptions options, double now)
    {
        IsGated = true;
        _share = options.BacklogShare;
        _failed = _failedInWindow = false;
        _bucket = TokenBucket.Full(1, now);
    }

    public void Fail(TrafficOptions options)
    {
        if (_failedInWindow)
            return;
        _failed = _failedInWindow = true;
        _share = Math.Max(options.BacklogShare / 4, _share / 2);
    }

    /// <summary>Once a second: grows only while it is what holds waiting mail back.</summary>
    public void EndWindow(TrafficOptions options, double seconds)
    {
        if (!IsGated)
            return;
        if (_used && !_failedInWindow)
        {
            var slow = _share + options.BacklogGrowth * seconds;
            var fast = Math.Max(slow, _share * (1 + seconds));
            _share = _failed ? Math.Max(slow, Math.Min(fast, _half)) : fast;
        }
        _used = _failedInWindow = false;
        if (_share >= Ceiling)
            IsGated = false;
    }

    /// <summary>Takes leave for one waiting message; 0 when granted, else the seconds to wait.</summary>
    /// <param name="allowed">What the site may be given a second now.</param>
    /// <param name="fresh">What fresh mail takes of it a second.</param>
    public double Wait(double allowed, double fresh, double burstSeconds, double now)
    {
        var left = Ceiling * allowed - fresh;
        if (left <= 0)
            return 0.1;
        _half = HalfOfLeft * left / allowed;
        var rate = Math.Min(left, Math.Max(_share * allowed, 0.5));
        _bucket.Refill(rate, Math.Max(1, rate * burstSeconds), now);
        if (_bucket.TryTake())
        {
            _used = true;
            return 0;
        }
        _used = true;
        return _bucket.WaitFor(rate);
    }

    /// <summary>Gives a leave back that could not be used.</summary>
    public void Return() => _bucket.GiveBack();
}
