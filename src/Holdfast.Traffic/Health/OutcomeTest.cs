using Holdfast.Traffic.Limits;

namespace Holdfast.Traffic.Health;

/// <summary>Judges a target or a site by what its attempts came to: a one-sided change-point test (CUSUM).</summary>
/// <remarks>
/// Each counted failure adds ln(p₁/p₀) to a score, each completed delivery takes ln((1−p₀)/(1−p₁)) away, never below
/// zero. The alarm at ln(max(100, outcomes a day)) is wrong about once a day if failures are as frequent as p₀ says.
/// A success of an early phase is no success: a dark site still answers EHLO.
/// Two kinds of failure wait in scores of their own until enough different mail has seen them: what no rule explains,
/// and "the system is not accepting", which may be about one mailbox or one sender only.
/// </remarks>
internal sealed class OutcomeTest
{
    private const double SecondsADay = 86_400;
    private readonly RateMeter _outcomes = new();
    private double _failureStep;
    private double _successStep;
    private double _score;
    private double _siteScore;
    private double _unclassifiedScore;
    private int _siteInRow;
    private int _connectInRow;
    private int _stalls;
    private int _stallsSinceTick;
    private DistinctHashes _pairs;
    private DistinctHashes _recipients;
    private DistinctHashes _senders;
    private FailureRun _run;

    public OutcomeTest(TrafficOptions options) => Apply(options);

    public void Apply(TrafficOptions options)
    {
        _failureStep = Math.Log(options.FailureShareClosed / options.FailureShareOrdinary);
        _successStep = Math.Log((1 - options.FailureShareOrdinary) / (1 - options.FailureShareClosed));
    }

    public double RunStartedAt => _run.StartedAt;
    public double LastSuccessAt { get; private set; } = double.NegativeInfinity;
    public double LastFailureAt { get; private set; } = double.NegativeInfinity;
    public string Describe(double now) => _run.Describe(now);

    /// <summary>A completed delivery.</summary>
    public void Succeed(double now)
    {
        _outcomes.Count(now);
        _score = Math.Max(0, _score - _successStep);
        _siteScore = Math.Max(0, _siteScore - _successStep);
        _unclassifiedScore = Math.Max(0, _unclassifiedScore - _successStep);
        _siteInRow = _connectInRow = _stalls = _stallsSinceTick = 0;
        LastSuccessAt = now;
        if (_siteScore <= 0)
            _pairs = default;
        if (_unclassifiedScore <= 0)
        {
            _recipients = default;
            _senders = default;
        }
        if (IsQuiet)
            _run = default;
        else
            _run.Succeed();
    }

    public void Fail(in TrafficOutcome outcome, bool isStall, double now)
    {
        _outcomes.Count(now);
        LastFailureAt = now;
        _run.Fail(outcome.Phase, outcome.Detail, now);
        switch (outcome.Scope)
        {
            case FailureScope.Site:
                _siteScore += _failureStep;
                _siteInRow++;
                if ((outcome.RecipientHash | outcome.SenderHash) != 0)
                    _pairs.Add((outcome.RecipientHash * 0x9E3779B1u) ^ outcome.SenderHash | 1u);
                break;
            case FailureScope.Unclassified:
                _unclassifiedScore += _failureStep;
                _recipients.Add(outcome.RecipientHash);
                _senders.Add(outcome.SenderHash);
                break;
            default:
                _score += _failureStep;
                if (outcome.Phase <= AttemptPhase.Tls)
                    _connectInRow++;
                if (isStall)
                {
                    _stalls++;
                    _stallsSinceTick++;
                }
                break;
        }
    }

    /// <summary>Stalls seen since the last tick were our own pause: they count for nothing.</summary>
    public void VoidStalls()
    {
        if (_stallsSinceTick == 0)
            return;
        _stalls -= _stallsSinceTick;
        _score = Math.Max(0, _score - _stallsSinceTick * _failureStep);
        _stallsSinceTick = 0;
    }

    public void EndTick() => _stallsSinceTick = 0;

    /// <param name="keys">How many keys are judged at once: more of them need more evidence each.</param>
    public bool IsAlarm(TrafficOptions options, int keys, double now)
    {
        if (_connectInRow >= options.ConnectFailuresMax || _stalls >= options.StallsMax)
            return true;
        return Counted(options) >= Threshold(now) + Math.Log(Math.Max(1, keys));
    }

    /// <summary>Half-way to the alarm.</summary>
    public bool IsSuspect(TrafficOptions options, double now) => Counted(options) >= Threshold(now) / 2;

    /// <summary>All that was held against it lately: a target that fails fast must not look like a fast one.</summary>
    /// <remarks>Fades in ten seconds, so that the target is tried again.</remarks>
    public double Pressure(double now) =>
        IsQuiet ? 0 : (_score + _siteScore + _unclassifiedScore) * Math.Max(0, 1 - (now - LastFailureAt) / 10);

    public bool IsQuiet => _score + _siteScore + _unclassifiedScore <= 0;

    public void Reset()
    {
        _score = _siteScore = _unclassifiedScore = 0;
        _siteInRow = _connectInRow = _stalls = _stallsSinceTick = 0;
        _pairs = _recipients = _senders = default;
        _run = default;
    }

    private double Threshold(double now) => Math.Log(Math.Max(100, _outcomes.PerSecond(now) * SecondsADay));

    private double Counted(TrafficOptions options)
    {
        var counted = _score;
        if (_pairs.Count >= options.DistinctMin || _siteInRow >= Math.Max(3, options.DistinctMin))
            counted += _siteScore;
        if (_recipients.Count >= options.DistinctMin && _senders.Count >= options.DistinctMin)
            counted += _unclassifiedScore;
        return counted;
    }
}
