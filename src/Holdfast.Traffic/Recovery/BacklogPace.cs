using Holdfast.Traffic.Limits;

namespace Holdfast.Traffic.Recovery;

/// <summary>How fast waiting mail goes to a site: only what fresh mail leaves.</summary>
/// <remarks>
/// Guards against the backlog that topples what has just come back, against the queue that a burst leaves in a site for
/// good where all of its capacity is used, and keeps fresh mail first.
/// Formula: at all times up to 0.98 of what the site may be given, less what fresh mail takes. After a closure from
/// <c>BacklogShare</c> of it on; that share doubles each second in which it, or the site's rate as a whole, was what
/// held mail back, up to the first failure (TCP's slow start); a failure halves it, at most once a second, and from
/// then on it doubles only up to half of what fresh mail leaves, and then gains <c>BacklogGrowth</c> a second. What the
/// site may be given is the ramp's, so a doubling share of it is still at most that.
/// Defaults: 0.98, since a fiftieth drains what a burst left in seconds and costs a drain a fiftieth.
/// Known to do badly: a site that takes fresh mail and is toppled by old (both are alike to it here).
/// </remarks>
internal sealed class BacklogPace
{
    private const double Ceiling = 0.98;
    /// <summary>What a pause of ours may leave to catch up on: a fiftieth of a second's worth.</summary>
    private const double BurstSeconds = 0.02;
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

    /// <summary>The site's rate as a whole held something back: what it is given in all is borne, whoever sent it.
    /// </summary>
    public void Want() => _used = true;

    /// <summary>Once a second: grows only while something is held back.</summary>
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
    public double Wait(double allowed, double fresh, double now)
    {
        var left = Ceiling * allowed - fresh;
        if (left <= 0)
            return 0.1;
        _half = HalfOfLeft * left / allowed;
        var rate = IsGated ? Math.Min(left, Math.Max(_share * allowed, 0.5)) : left;
        _bucket.Refill(rate, Math.Max(1, rate * BurstSeconds), now);
        _used = true;
        return _bucket.TryTake() ? 0 : _bucket.WaitFor(rate);
    }

    /// <summary>Gives a leave back that could not be used.</summary>
    public void Return() => _bucket.GiveBack();
}
