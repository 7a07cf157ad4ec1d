using System.Diagnostics;
using System.Globalization;

namespace Holdfast.Bench.Drain;

/// <summary>What one run offered, accepted and delivered, by second of the run.</summary>
/// <remarks>A message's recipient names when it was sent, in milliseconds of the run, and its number.</remarks>
internal sealed class DrainRecord
{
    private readonly record struct Delivery(double SentAt, double At);

    private readonly Lock _gate = new();
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly List<double> _accepted = [];
    private readonly List<Delivery> _delivered = [];
    private readonly HashSet<string> _names = [];
    private readonly List<(double At, bool Taken)> _offered = [];

    public double Now => _watch.Elapsed.TotalSeconds;

    /// <summary>Delivered more than once.</summary>
    public int Twice { get; private set; }

    public static string Recipient(double sentAt, long number) =>
        string.Create(CultureInfo.InvariantCulture, $"m{(long)(sentAt * 1000)}-{number}");

    public void Accept(double sentAt)
    {
        lock (_gate)
            _accepted.Add(sentAt);
    }

    public void Offer(bool taken)
    {
        lock (_gate)
            _offered.Add((Now, taken));
    }

    public void Deliver(string recipient)
    {
        var sentAt = double.Parse(recipient.AsSpan(1, recipient.IndexOf('-', StringComparison.Ordinal) - 1), CultureInfo.InvariantCulture) / 1000;
        lock (_gate)
        {
            if (_names.Add(recipient))
                _delivered.Add(new Delivery(sentAt, Now));
            else
                Twice++;
        }
    }

    public int Accepted(double from, double to)
    {
        lock (_gate)
            return _accepted.Count(at => at >= from && at < to);
    }

    public int Delivered(double sentFrom, double sentTo)
    {
        lock (_gate)
            return _delivered.Count(d => d.SentAt >= sentFrom && d.SentAt < sentTo);
    }

    /// <summary>Seconds from <paramref name="at"/> in which the capacity carries what waits and all that comes in
    /// meanwhile.</summary>
    public double Optimum(double capacity, double at, double waiting)
    {
        lock (_gate)
        {
            var owed = waiting;
            var time = 0.0;
            foreach (var sent in _accepted.Where(s => s >= at).Order())
            {
                if (owed <= capacity * (sent - at))
                    break;
                owed++;
                time = sent - at;
            }
            return Math.Max(time, owed / capacity);
        }
    }

    public double LastDelivery(double sentBefore)
    {
        lock (_gate)
            return _delivered.Where(d => d.SentAt < sentBefore).Max(d => d.At);
    }

    /// <summary>What was delivered between two times of what was sent before <paramref name="sentBefore"/>.</summary>
    public int DeliveredWithin(double sentFrom, double sentBefore, double from, double to)
    {
        lock (_gate)
            return _delivered.Count(d => d.SentAt >= sentFrom && d.SentAt < sentBefore && d.At >= from && d.At < to);
    }

    /// <summary>Delays, in order, of what was sent between two times; what has not arrived has waited until now.</summary>
    public double[] Delays(double sentFrom, double sentTo)
    {
        lock (_gate)
        {
            var delays = _delivered.Where(d => d.SentAt >= sentFrom && d.SentAt < sentTo).Select(d => d.At - d.SentAt).ToList();
            var late = _accepted.Count(s => s >= sentFrom && s < sentTo) - delays.Count;
            for (var i = 0; i < late; i++)
                delays.Add(Now - sentFrom);
            return [.. delays.Order()];
        }
    }

    public int Offered(double from, double to, bool onlyRefused = false)
    {
        lock (_gate)
            return _offered.Count(o => o.At >= from && o.At < to && (!onlyRefused || !o.Taken));
    }
}
