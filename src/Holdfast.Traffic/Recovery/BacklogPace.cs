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
/// Defaults: 0.98, since a fiftieth drains in seconds what a burst left, and costs a drain little more. At 0.985 a site
/// of two slow targets (scenario backlog-24h) already keeps a queue.
/// Known to do badly: a site that takes fresh mail and is toppled by old (both are alike to it here).
/// </remarks>
internal sealed class BacklogPace
{
    private const double Ceiling = 0.98;
    /// <summary>What a pause of ours may leave to catch up on: a fiftieth of a second's worth.</summary>
    private const double BurstSeconds = 0.02;
    private const double HalfOfLeft = 0.5;
    private const double DebtSeconds = 0.1;
    private const double WaitMin = 0.001;
    private double _share;
    private double _half;
    /// <summary>Waiting mail's share while gated.</summary>
    private TokenBucket _bucket;
    /// <summary>All that the site is given, up to the ceiling; fresh mail may overdraw it for a moment.</summary>
    private TokenBucket _room;
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
        _used = true;
        RefillRoom(allowed, now);
        if (_room.Tokens < 1)
            return Math.Max(WaitMin, _room.WaitFor(Ceiling * allowed));
        if (IsGated)
        {
            var left = Math.Max(0, Ceiling * allowed - fresh);
            _half = HalfOfLeft * left / allowed;
            var rate = Math.Max(_share * allowed, 0.5);
            _bucket.Refill(rate, Math.Max(1, rate * BurstSeconds), now);
            if (!_bucket.TryTake())
                return _bucket.WaitFor(rate);
        }
        _room.TryTake();
        return 0;
    }

    /// <summary>Fresh mail was sent: that much less is left.</summary>
    public void Fresh(double allowed, double now)
    {
        RefillRoom(allowed, now);
        _room.Overdraw(allowed * DebtSeconds);
    }

    private void RefillRoom(double allowed, double now) =>
        _room.Refill(Ceiling * allowed, Math.Max(1, allowed * BurstSeconds), now);
}
