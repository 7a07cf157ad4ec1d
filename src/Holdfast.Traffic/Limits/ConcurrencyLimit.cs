namespace Holdfast.Traffic.Limits;

/// <summary>How many transactions a target may hold at once: grows while used, shrinks when pushed back.</summary>
/// <remarks>
/// While three quarters of it are used and deliveries complete (a black hole uses it too) it grows by half a second,
/// for a minute after a push-back by √L; × 0.9 once a second when the target pushed back.
/// Latency doesn't shrink it: the gradient form does that and needs a baseline first.
/// </remarks>
internal struct ConcurrencyLimit
{
    public const int Floor = 2;
    private const int KnownWindows = 60;
    private const double GrowthUse = 0.75;
    private double _limit;
    private int _max;
    private int _peakInFlight;
    private bool _pushedBack;
    private bool _completed;
    private int _windowsKnown;

    public ConcurrencyLimit(int initial, int max)
    {
        _max = max;
        _limit = Math.Min(initial, max);
    }

    public readonly int Value => (int)_limit;
    public int InFlight { get; private set; }

    /// <summary>What the target itself has shown to be its limit: the configured one until it pushes back.</summary>
    public readonly int Known => _windowsKnown > 0 ? Value : _max;

    public readonly bool HasSlot => InFlight < Value;

    public void Take()
    {
        InFlight++;
        _peakInFlight = Math.Max(_peakInFlight, InFlight);
    }

    /// <summary>False when there was nothing to give back: a caller released twice.</summary>
    public bool TryGiveBack()
    {
        if (InFlight == 0)
            return false;
        InFlight--;
        return true;
    }

    public void PushBack() => _pushedBack = true;

    public void Complete() => _completed = true;

    public void SetMax(int max)
    {
        _max = max;
        _limit = Math.Min(_limit, max);
    }

    /// <summary>Ends a window of a second.</summary>
    public void EndWindow()
    {
        if (_windowsKnown > 0)
            _windowsKnown--;
        if (_pushedBack)
        {
            _windowsKnown = KnownWindows;
            _limit = Math.Max(Math.Min(Floor, _max), _limit * 0.9);
        }
        else if (_completed && _peakInFlight >= GrowthUse * _limit)
            _limit = Math.Min(_max, _limit + (_windowsKnown > 0 ? Math.Sqrt(_limit) : Math.Max(1, _limit / 2)));
        _pushedBack = false;
        _completed = false;
        _peakInFlight = InFlight;
    }
}
