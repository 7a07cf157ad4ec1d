using System.Globalization;

namespace Holdfast.Traffic.Health;

/// <summary>What was seen since the first failure that still counts; becomes the evidence line of a verdict.</summary>
internal struct FailureRun
{
    private const int DetailCharsMax = 100;
    private double _startedAt;
    private int _failures;
    private int _outcomes;
    private AttemptPhase _phase;
    private string? _detail;

    /// <summary>Nothing succeeded since it began.</summary>
    public readonly bool IsPure => _failures == _outcomes;
    public readonly int Failures => _failures;
    public readonly double StartedAt => _startedAt;

    public void Fail(AttemptPhase phase, string? detail, double startedAt)
    {
        if (_failures == 0)
            _startedAt = startedAt;
        _failures++;
        _outcomes++;
        _phase = phase;
        _detail = detail;
    }

    public void Succeed()
    {
        if (_failures > 0)
            _outcomes++;
    }

    /// <param name="peers">How the peers do, "peers 0 of 212"; empty when there are none.</param>
    public readonly string Describe(double now, string peers)
    {
        var detail = _detail ?? "no detail";
        if (detail.Length > DetailCharsMax)
            detail = detail[..DetailCharsMax];
        var what = _phase switch
        {
            AttemptPhase.Connect => "connections",
            AttemptPhase.Greeting => "greetings",
            AttemptPhase.Hello => "EHLO",
            AttemptPhase.Tls => "TLS handshakes",
            AttemptPhase.Mail => "MAIL",
            AttemptPhase.Rcpt => "RCPT",
            AttemptPhase.Data => "DATA",
            AttemptPhase.FinalDot => "messages",
            AttemptPhase.Answer => "requests",
            _ => "QUIT",
        };
        var verb = detail.Length > 0 && char.IsAsciiDigit(detail[0]) ? "answered " : "failed: ";
        return string.Create(CultureInfo.InvariantCulture,
            $"{_failures} of {_outcomes} {what} {verb}{detail} in {Math.Max(0.1, now - _startedAt):0.0} s{peers}");
    }
}
