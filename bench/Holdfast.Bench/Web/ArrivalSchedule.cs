namespace Holdfast.Bench.Web;

/// <summary>When requests are meant to be sent: evenly, whatever became of those before. A request that is sent late,
/// because the machine or a queue was in the way, is late for its client all the same.</summary>
internal readonly record struct ArrivalSchedule(double PerSecond, double Seconds)
{
    public int Count => (int)Math.Floor((PerSecond * Seconds) + 1e-9);

    /// <summary>Seconds after the start of the run.</summary>
    public double At(int request) => request / PerSecond;

    /// <summary>How many are due by then.</summary>
    public int DueBy(double now) => now < 0 ? 0 : Math.Min(Count, (int)Math.Floor((now * PerSecond) + 1e-9) + 1);
}
