namespace Holdfast.Bench.Drain;

/// <summary>What a site with a known capacity does with the messages that it is offered.</summary>
/// <remarks>
/// W workers of <see cref="ServiceSeconds"/> a message: capacity C = W / service time, latency flat up to W at once and
/// by queueing beyond. From 2 W at once on it thrashes: each message takes n / 2 W as long, up to four times, so
/// goodput falls below C. From 3 W on a part is answered 451 4.3.2, all of it at 6 W; a refusal costs a quarter of a
/// message's work. Nothing is left to chance. While dark it refuses every recipient and does no work.
/// </remarks>
internal sealed class SiteModel
{
    public const double ServiceSeconds = 0.05;
    private const double SlowestFactor = 4;
    private const double RefusalCost = 0.25;
    private readonly Lock _gate = new();
    private readonly PriorityQueue<int, double> _workers = new();
    private readonly int _count;
    private double _refusedShare;
    private int _inside;

    public SiteModel(double capacity)
    {
        _count = Math.Max(1, (int)Math.Round(capacity * ServiceSeconds));
        for (var worker = 0; worker < _count; worker++)
            _workers.Enqueue(worker, 0);
    }

    public double Capacity => _count / ServiceSeconds;

    /// <summary>Offers a message; it is inside until <see cref="Leave"/>.</summary>
    /// <returns>When the answer is due, and whether it is yes.</returns>
    public (double At, bool Taken) Enter(double now)
    {
        lock (_gate)
        {
            _inside++;
            _refusedShare += Math.Clamp((_inside - 3.0 * _count) / (3.0 * _count), 0, 1);
            var taken = _refusedShare < 1;
            if (!taken)
                _refusedShare -= 1;
            var work = ServiceSeconds * Math.Clamp(_inside / (2.0 * _count), 1, SlowestFactor);
            if (!taken)
                work *= RefusalCost;
            _workers.TryDequeue(out var worker, out var free);
            var end = Math.Max(now, free) + work;
            _workers.Enqueue(worker, end);
            return (end, taken);
        }
    }

    public void Leave()
    {
        lock (_gate)
            _inside--;
    }
}
