namespace Holdfast.Mail.Queue;

/// <summary>Rates a second over about the last ten seconds, from totals that are looked at now and then.</summary>
/// <remarks>Keeps a sample a second at most; when nobody asked for longer than the window, the rate is that since the
/// last look. Thread-safe.</remarks>
internal sealed class RateWindow
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(1);
    private readonly Lock _gate = new();
    private readonly Queue<Sample> _samples = new();
    private Sample _newest;

    private readonly record struct Sample(TimeSpan At, long First, long Second, long Third);

    public (double First, double Second, double Third) PerSecond(TimeSpan now, long first, long second, long third)
    {
        lock (_gate)
        {
            var sample = new Sample(now, first, second, third);
            if (_samples.Count == 0 || now - _newest.At >= Step)
            {
                _samples.Enqueue(sample);
                _newest = sample;
            }
            // The oldest sample kept is the youngest that is at least the window old.
            while (_samples.Count > 1 && now - _samples.ElementAt(1).At >= Window)
                _samples.Dequeue();
            var oldest = _samples.Peek();
            var seconds = (now - oldest.At).TotalSeconds;
            return seconds < 0.1 ? (0, 0, 0)
                : ((first - oldest.First) / seconds, (second - oldest.Second) / seconds,
                    (third - oldest.Third) / seconds);
        }
    }
}
