namespace Holdfast.Web.Probes;

/// <summary>How long a site's canaries may take.</summary>
/// <remarks>max(10 s, 3 × the median of those that passed), at most a minute, after which the board forgets; half a
/// minute until three have passed: a site that always takes long isn't closed for it. Not thread-safe.</remarks>
internal sealed class CanaryTime
{
    private const int KnownMin = 3;
    private const double Factor = 3;
    private static readonly TimeSpan s_unknown = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_least = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_most = TimeSpan.FromSeconds(60);
    private int _count;
    private double _usual;

    public TimeSpan Deadline
    {
        get
        {
            if (_count < KnownMin)
                return s_unknown;
            var deadline = TimeSpan.FromSeconds(Factor * _usual);
            return deadline < s_least ? s_least : deadline > s_most ? s_most : deadline;
        }
    }

    /// <summary>A sign rule finds the median: up or down by a tenth.</summary>
    public void Passed(TimeSpan latency)
    {
        var seconds = Math.Max(0.001, latency.TotalSeconds);
        _usual = _count == 0 ? seconds : _usual * (seconds > _usual ? 1.1 : 1 / 1.1);
        _count = Math.Min(KnownMin, _count + 1);
    }
}
