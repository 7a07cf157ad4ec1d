using System.Runtime.CompilerServices;
using Holdfast.Traffic.Balance;

namespace Holdfast.Traffic.Health;

/// <summary>Judges one key, a target or site and an operation class, by what its attempts came to.</summary>
/// <remarks>
/// Guards against grey failure, against closing what is merely unlucky, and against comparing a key with a past that
/// was as bad. Three change tests: failures against the peers' ordinary share (the median without itself), failures
/// against the key's own baseline, answers slower than twice the baseline's p95. Alarm at h = ln(max(100, outcomes a
/// day)), certain at h + ln(number of keys). What succeeds (nearly) never is told apart from what fails in part.
/// Some things need no statistics: <c>ConnectFailuresMax</c> connections refused in a row, <c>StallsMax</c> questions
/// without any answer.
/// Known to do badly: below about one outcome a second it takes long; then canaries and pooled keys decide.
/// A struct that lies in its key: an outcome finds all of it at one place. Not to be copied.
/// </remarks>
internal struct OutcomeTest
{
    private const double SecondsADay = 86_400;
    private const double MemorySeconds = 10;
    private const double BaselineMemory = 3600;
    private const double BaselinePrior = 500;
    private const double OrdinaryMin = 0.01;
    private const double OrdinarySlow = 0.05;
    private const double GrossSlow = 0.5;
    private const int TotalInRow = 8;
    private const int PureMin = 3;
    private const int TotalOf = 16;
    /// <summary>What a success touches while nothing was counted against it: the numbers, which lie first.</summary>
    public const int CalmBytes = 152;
    private ChangeTest _peers;
    private ChangeTest _own;
    private ChangeTest _slow;
    private DistinctGate _siteGate;
    private DistinctGate _unclassifiedGate;
    private FailureRun _run;
    private double _outcomes;
    private double _failures;
    private double _at;
    private double _baselineOutcomes;
    private double _baselineFailures;
    private double _secondOutcomes;
    private double _secondFailures;
    private ulong _recent;
    private int _recentCount;
    private int _inRow;
    private int _connectInRow;
    private int _stalls;
    private int _stallsSinceTick;
    private bool _hasPeers;
    /// <summary>Nothing was counted that a success would take back: so it touches a third of the memory.</summary>
    private bool _isCalm;
    private double _alarmAt = Math.Log(100);
    private double _marginToCertain;
    private int _connectMax;
    private int _stallsMax;
    private int _distinctMin;
    private double _ordinaryFloor;
    private double _gross;

    public OutcomeTest(TrafficOptions options)
    {
        _slow.Tune(OrdinarySlow, GrossSlow);
        Apply(options);
        Tune(double.NaN, 1, 0);
    }

    public double LastSuccessAt { get; private set; } = double.NegativeInfinity;
    public double LastFailureAt { get; private set; } = double.NegativeInfinity;
    public readonly double RunStartedAt => _run.StartedAt;
    public readonly int FailuresInRow => _inRow;

    public void Apply(TrafficOptions options)
    {
        _connectMax = options.ConnectFailuresMax;
        _stallsMax = options.StallsMax;
        _distinctMin = options.DistinctMin;
        _ordinaryFloor = Math.Max(OrdinaryMin / 10, options.FailureShareOrdinary);
        _gross = options.FailureShareClosed;
        Tune(double.NaN, 1, _at);
    }

    /// <summary>Failures' score: the higher of the two comparisons that hold.</summary>
    public readonly double Score => _hasPeers ? Math.Max(_peers.Score, _own.Score) : _own.Score;
    public readonly double SlowScore => _slow.Score;
    public readonly bool IsQuiet => Score <= 0 && _slow.Score <= 0 && _siteGate.IsCold && _unclassifiedGate.IsCold;
    public readonly bool IsAlarm => Score >= _alarmAt || IsShortcut;
    public readonly bool IsSlowAlarm => _slow.Score >= _alarmAt;
    public readonly bool IsSlowCertain => _slow.Score >= _alarmAt + _marginToCertain;
    public readonly bool IsCertain => Score >= _alarmAt + _marginToCertain || IsShortcut;

    /// <summary>What needs no statistics.</summary>
    private readonly bool IsShortcut => _connectInRow >= _connectMax || _stalls >= _stallsMax;

    /// <summary>(Nearly) nothing succeeds; asked only where something is certain.</summary>
    public readonly bool IsTotal => IsShortcut || _inRow >= TotalInRow || (_run.IsPure && _run.Failures >= PureMin)
        || (_recentCount >= TotalOf && ulong.PopCount(_recent & 0xFFFF) >= TotalOf - 1);

    /// <summary>Failures since the first one that counts, if nothing has succeeded since; else 0.</summary>
    public readonly int PureFailures => _run.IsPure ? _run.Failures : 0;

    /// <summary>Outcomes a second, over the last ten seconds.</summary>
    public readonly double PerSecond(double now) => Math.Max(0, Outcomes(now) - 1) / MemorySeconds;

    public readonly double Outcomes(double now) => _outcomes * Fade(now);

    public readonly double Failures(double now) => _failures * Fade(now);

    /// <summary>Share of failures lately, drawn towards <paramref name="prior"/> by so many pseudo-outcomes.</summary>
    public readonly double FailureShare(double now, double prior, double pseudo)
    {
        var fade = Fade(now);
        return (_failures * fade + prior * pseudo) / (_outcomes * fade + pseudo);
    }

    /// <summary>Share of failures in the last few outcomes, from 0 to 1.</summary>
    public readonly double RecentFailureShare
    {
        get
        {
            var n = Math.Min(_recentCount, 64);
            return n == 0 ? 0 : (double)ulong.PopCount(_recent) / n;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Succeed(bool isSlow, double now)
    {
        Remember(false);
        Count(false, now);
        LastSuccessAt = now;
        if (_isCalm && !isSlow)
            return;
        _peers.Miss();
        _own.Miss();
        if (isSlow)
        {
            _slow.Hit();
            _slow.Limit(_alarmAt + _marginToCertain + 1);
        }
        else
        {
            _slow.Miss();
        }
        _siteGate.Succeed();
        _unclassifiedGate.Succeed();
        _connectInRow = _stalls = _stallsSinceTick = 0;
        if (IsQuiet)
            _run = default;
        else
            _run.Succeed();
        _isCalm = IsQuiet && _peers.Score <= 0;
    }

    public void Fail(in TrafficOutcome outcome, bool isStall, double now)
    {
        LastFailureAt = now;
        _isCalm = false;
        _run.Fail(outcome.Phase, outcome.Detail, now);
        var counts = 1;
        if (outcome.Operation == OperationClass.MailDelivery)
        {
            if (outcome.Scope == FailureScope.Site)
                counts = _siteGate.Fail(outcome, _distinctMin);
            else if (outcome.Scope == FailureScope.Unclassified)
                counts = _unclassifiedGate.Fail(outcome, _distinctMin);
            else if (outcome.Phase <= AttemptPhase.Tls)
                _connectInRow++;
        }
        else if (outcome.Phase <= AttemptPhase.Tls)
        {
            _connectInRow++;
        }
        if (isStall)
        {
            _stalls++;
            _stallsSinceTick++;
        }
        // What is held back was an answer of its kind nevertheless; what is let go counts at once.
        Remember(true);
        for (var i = 0; i < counts; i++)
        {
            Count(true, now);
            _peers.Hit();
            _own.Hit();
        }
    }

    /// <summary>A question stands unanswered for too long: a failure until it is answered.</summary>
    public void FailOverdue(AttemptPhase phase, double now)
    {
        LastFailureAt = now;
        _isCalm = false;
        _run.Fail(phase, TrafficDetail.Overdue, now);
        Remember(true);
        Count(true, now);
        _peers.Hit();
        _own.Hit();
    }

    /// <summary>It was answered after all.</summary>
    public void TakeBack()
    {
        _peers.TakeBack();
        _own.TakeBack();
        _failures = Math.Max(0, _failures - 1);
        _outcomes = Math.Max(0, _outcomes - 1);
        _secondFailures = Math.Max(0, _secondFailures - 1);
        _secondOutcomes = Math.Max(0, _secondOutcomes - 1);
        _inRow = 0;
    }

    /// <summary>Stalls seen since the last tick were our own pause: they count for nothing.</summary>
    public void VoidStalls()
    {
        for (; _stallsSinceTick > 0; _stallsSinceTick--)
        {
            _stalls = Math.Max(0, _stalls - 1);
            TakeBack();
        }
    }

    public void EndTick() => _stallsSinceTick = 0;

    /// <summary>Once a second: what is ordinary now.</summary>
    /// <param name="peers">The median share of failures of its peers without itself; NaN: fewer than three.</param>
    /// <param name="keys">Over how many keys one false alarm a day is to be spread.</param>
    public void Tune(double peers, int keys, double now)
    {
        // Frozen while there is anything to explain.
        if (Score < _alarmAt / 2 && _slow.Score < _alarmAt)
        {
            _baselineOutcomes += _secondOutcomes;
            _baselineFailures += _secondFailures;
            _baselineOutcomes *= 1 - 1 / BaselineMemory;
            _baselineFailures *= 1 - 1 / BaselineMemory;
        }
        _secondOutcomes = _secondFailures = 0;
        var own = (_baselineFailures + _ordinaryFloor * BaselinePrior) / (_baselineOutcomes + BaselinePrior);
        _own.Tune(Math.Max(_ordinaryFloor, own), _gross);
        _hasPeers = !double.IsNaN(peers);
        if (_hasPeers)
            _peers.Tune(Math.Max(_ordinaryFloor, peers), _gross);
        else
            _peers.Reset();
        _alarmAt = Math.Log(Math.Max(100, PerSecond(now) * SecondsADay));
        _marginToCertain = Math.Log(Math.Max(1, keys));
    }

    public void Reset()
    {
        _peers.Reset();
        _own.Reset();
        _slow.Reset();
        _siteGate = _unclassifiedGate = default;
        _connectInRow = _stalls = _stallsSinceTick = _inRow = 0;
        _recent = 0;
        _recentCount = 0;
        _outcomes = _failures = 0;
        _run = default;
    }

    public void ResetSlow() => _slow.Reset();

    /// <summary>A verdict was drawn from it: the next one needs new evidence. What was counted stays.</summary>
    public void ResetScores()
    {
        _peers.Reset();
        _own.Reset();
        _connectInRow = _stalls = 0;
    }

    public readonly string Describe(double now, string peers) => _run.Describe(now, peers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Remember(bool failed)
    {
        _recent <<= 1;
        if (_recentCount < 64)
            _recentCount++;
        if (failed)
            _recent |= 1;
        _inRow = failed ? _inRow + 1 : 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Count(bool failed, double now)
    {
        if (now > _at)
        {
            var fade = Fade(now);
            _outcomes *= fade;
            _failures *= fade;
            _at = now;
        }
        _outcomes++;
        _secondOutcomes++;
        if (!failed)
            return;
        _failures++;
        _secondFailures++;
    }

    private readonly double Fade(double now) => now > _at ? MemorySeconds / (MemorySeconds + now - _at) : 1;
}
