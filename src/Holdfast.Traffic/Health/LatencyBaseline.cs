using System.Runtime.CompilerServices;
using Holdfast.Traffic.Balance;

namespace Holdfast.Traffic.Health;

/// <summary>What one key's answers take now, and what they take when nothing holds them up.</summary>
/// <remarks>
/// Guards against a baseline that climbs with the load it should reveal (Envoy's and Netflix's drift): it learns from
/// windows in which less than half the limit was used and nothing is suspected, at most 20 outcomes a window, with a
/// memory of about ten minutes; else it stands still. A window whose median is 1.5 × slower weighs a fiftieth; one as
/// much faster counts even then: contention makes nothing faster. Few outcomes are compared by their median, since the
/// p95 of ten is the slowest of them. Until it has seen a hundred outcomes there is none.
/// A peak-sensitive average (10 s) serves the choice between targets.
/// Known to do badly: a key that is contended from its first second on learns no baseline.
/// A struct that lies in its key, histograms included: an outcome finds all of it at one place. Not to be copied.
/// </remarks>
internal struct LatencyBaseline
{
    private const double PeakSeconds = 10;
    private const double PeakWeightMin = 0.02;
    private const double SamplesMin = 100;
    private const double WindowSamplesMin = 10;
    private const double LearntPerWindow = 20;
    private const double LearntMax = 12_000;
    private const double ManySamples = 100;
    private const double Unlike = 1.5;
    private const double MedianNoise = 1.25;
    private const double UpperNoise = 2.1;
    private const double SteadySamples = 30;
    private const double SlackSeconds = 0.02;
    private const double Leak = 0.02;
    private double _at;

    public LatencyBaseline() { }

    /// <summary>Seconds: rises at once, falls over ten seconds.</summary>
    public double Peak { get; private set; }
    /// <summary>Of the last whole window; 0: none yet.</summary>
    public double WindowP50 { get; private set; }
    public double WindowP90 { get; private set; }
    public double WindowP95 { get; private set; }
    /// <summary>Of the baseline; 0: there is none.</summary>
    public double P50 { get; private set; }
    public double P90 { get; private set; }
    public double P95 { get; private set; }
    public double P995 { get; private set; }
    /// <summary>An answer that took longer is slow.</summary>
    public double SlowAt { get; private set; } = double.PositiveInfinity;
    public readonly bool IsKnown => P95 > 0;
    /// <summary>The last window against the baseline; 0: not known.</summary>
    public double Slowness { get; private set; }
    // Last, so that what each answer changes lies together. Not readonly: it is a struct.
    private LatencyHistogram _window;
    /// <summary>Elsewhere, and made when there is something to learn: no answer needs it, and keys lie closer.
    /// </summary>
    private StrongBox<LatencyHistogram>? _learnt;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(double seconds, double now)
    {
        _window.Add(seconds);
        var weight = Math.Clamp((now - _at) / PeakSeconds, PeakWeightMin, 1);
        _at = Math.Max(_at, now);
        Peak = seconds > Peak ? seconds : Peak + weight * (seconds - Peak);
    }

    /// <summary>Where in it the window lies; before that, what else an answer needs.</summary>
    public static int WindowAt => Unsafe.SizeOf<LatencyBaseline>() - Unsafe.SizeOf<LatencyHistogram>();

    /// <summary>What was seen before a closure says nothing of what comes back.</summary>
    public void ForgetWindow()
    {
        _window.Clear();
        WindowP50 = WindowP90 = WindowP95 = 0;
    }

    /// <summary>Ends a window of a second; a thin one goes on. Returns whether it ended.</summary>
    public bool EndWindow(bool mayLearn)
    {
        if (_window.Count < WindowSamplesMin)
            return false;
        WindowP50 = _window.Quantile(0.5);
        WindowP90 = _window.Quantile(0.9);
        WindowP95 = _window.Quantile(0.95);
        var scale = Math.Min(1, (IsKnown ? LearntPerWindow : SamplesMin) / _window.Count);
        Slowness = !IsKnown ? 0 : _window.Count >= ManySamples ? Ratio(WindowP95, P95) : Ratio(WindowP50, P50);
        var weight = Math.Min(1, _window.Count / SteadySamples);
        Steady = Steady <= 0 ? Slowness : Steady + weight * (Slowness - Steady);
        Noise = (_window.Count >= ManySamples ? UpperNoise : MedianNoise) / Math.Sqrt(_window.Count)
            * Math.Sqrt(weight / (2 - weight));
        if (IsKnown && WindowP50 > Unlike * P50)
            scale *= Leak;
        if (mayLearn || (IsKnown && WindowP50 * Unlike < P50))
        {
            ref var learnt = ref (_learnt ??= new StrongBox<LatencyHistogram>()).Value;
            learnt.Add(_window, scale);
            if (learnt.Count > LearntMax)
                learnt.Scale(0.5);
            if (learnt.Count >= SamplesMin)
            {
                P50 = learnt.Quantile(0.5);
                P90 = learnt.Quantile(0.9);
                P95 = learnt.Quantile(0.95);
                P995 = learnt.Quantile(0.995);
                SlowAt = 2 * P95;
            }
        }
        _window.Clear();
        return true;
    }

    /// <summary><see cref="Slowness"/> over so many windows as make thirty answers.</summary>
    public double Steady { get; private set; }

    /// <summary>Standard error of <see cref="Steady"/> that chance alone explains, for a spread of one.</summary>
    public double Noise { get; private set; }

    /// <summary>How widely usual answers scatter: σ of their logarithms.</summary>
    public double Spread => P50 > 0 ? Math.Log(P95 / P50) / 1.645 : 0;

    /// <summary>The last window against another's baseline, for what has none of its own yet; 0: not known.</summary>
    public double SlownessAgainst(in LatencyBaseline other) =>
        other.IsKnown && WindowP50 > 0 ? Ratio(WindowP50, other.P50) : 0;

    /// <summary>A few milliseconds more are never a sign of load, however fast the usual answer is.</summary>
    private static double Ratio(double now, double usual) => (now + SlackSeconds) / (usual + SlackSeconds);

    /// <summary>Best guess of the usual latency, in seconds; 0: nothing seen.</summary>
    public readonly double Usual => P50 > 0 ? P50 : WindowP50;
}
