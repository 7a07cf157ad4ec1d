using Holdfast.Sim.Clockwork;
using Holdfast.Sim.Scenarios;

namespace Holdfast.Sim.Runs;

/// <summary>A workload under way: when its next request arrives, and of what kind it is.</summary>
internal sealed class WorkloadState
{
    private readonly double _rateMax;
    private readonly double[] _priorities = new double[RunRecord.Priorities];
    private readonly long[] _phases;
    private int _recorded;

    public WorkloadState(WorkloadSpec spec, ulong seed, int index, int steps)
    {
        Spec = spec;
        Random = new RandomStream(seed, $"arrivals:{index}:{spec.Name}");
        Client = new RandomStream(seed, $"client:{index}:{spec.Name}");
        Timeouts = new TimerLine(spec.Client.Timeout.Ticks);
        Arrived = [.. Enumerable.Range(0, RunRecord.Priorities)
            .Select(p => spec.Priorities[p] > 0 || spec.Recorded.Length > 0 ? new int[steps] : [])];
        Hopeless = [.. Arrived.Select(a => new int[a.Length])];
        _rateMax = spec.RatePerSecond * Peak(spec.Shape);
        _phases = [.. spec.Shape.Steps.Select(s => s.At.Ticks)];
        var sum = 0.0;
        for (var p = 0; p < _priorities.Length; p++)
            _priorities[p] = sum += spec.Priorities[p];
        _priorities[^1] = 1;
    }

    public WorkloadSpec Spec { get; }
    public RandomStream Random { get; }
    public RandomStream Client { get; }
    public TimerLine Timeouts { get; }
    /// <summary>Requests by priority and step of arrival; the same for every policy.</summary>
    public int[][] Arrived { get; }
    /// <summary>Mail among them that no target takes in time, whatever the policy does.</summary>
    public int[][] Hopeless { get; }
    public int[] BacklogOf { get; } = new int[RunRecord.Priorities];
    /// <summary>The recorded arrival that is due.</summary>
    public RecordedArrival Due { get; private set; }

    /// <summary>Time of the next arrival after <paramref name="now"/>; <see cref="long.MaxValue"/>: none.</summary>
    public long Next(long now, long end)
    {
        if (Spec.Recorded.Length > 0)
        {
            if (_recorded == Spec.Recorded.Length)
                return long.MaxValue;
            Due = Spec.Recorded[_recorded++];
            return Due.At.Ticks;
        }
        if (_rateMax <= 0)
            return long.MaxValue;
        if (!Spec.IsPoisson)
        {
            var rate = Spec.RatePerSecond * Factor(now);
            while (rate <= 0)
            {
                now += TimeSpan.TicksPerSecond / 10;
                if (now > end)
                    return long.MaxValue;
                rate = Spec.RatePerSecond * Factor(now);
            }
            return now + Math.Max(1, (long)(TimeSpan.TicksPerSecond / rate));
        }
        // Thinning (Lewis and Shedler): arrivals at the peak's rate, each kept with the share of the moment.
        var gap = TimeSpan.TicksPerSecond / _rateMax;
        var at = (double)now;
        while (true)
        {
            at += gap * Random.NextExponential();
            if (at > end)
                return long.MaxValue;
            if (Spec.Shape.Kind == ShapeKind.Constant
                || Random.NextDouble() * _rateMax < Spec.RatePerSecond * Factor((long)at))
                return Math.Max(now + 1, (long)at);
        }
    }

    public byte DrawPriority()
    {
        var u = Random.NextDouble();
        var p = 0;
        while (u >= _priorities[p])
            p++;
        return (byte)p;
    }

    public float DrawSize() => Spec.SizeMedian <= 0 ? 0
        : (float)(Spec.SizeMedian * (Spec.SizeSigma > 0 ? Exact.Exp(Spec.SizeSigma * Random.NextNormal()) : 1));

    /// <summary>Wait of the client before its next try.</summary>
    public long DrawBackoff(int tries)
    {
        var client = Spec.Client;
        var wait = (double)client.Backoff.Ticks;
        for (var i = 1; i < tries && wait < TimeSpan.TicksPerDay; i++)
            wait *= client.BackoffFactor;
        wait *= 1 + client.Jitter * (2 * Client.NextDouble() - 1);
        return Math.Clamp((long)wait, 1, TimeSpan.TicksPerDay);
    }

    public double Factor(long at)
    {
        var shape = Spec.Shape;
        switch (shape.Kind)
        {
            case ShapeKind.Diurnal:
                return 1 + shape.Amplitude * Exact.SinOfTurns((at - shape.Phase.Ticks) / (double)shape.Period.Ticks);
            case ShapeKind.Ramp:
                return 1 + (shape.Factor - 1) * Math.Clamp((at - shape.At.Ticks) / (double)shape.For.Ticks, 0, 1);
            case ShapeKind.Burst:
                if (at < shape.At.Ticks)
                    return 1;
                var since = at - shape.At.Ticks;
                if (shape.Every > TimeSpan.Zero)
                    since %= shape.Every.Ticks;
                return since < shape.For.Ticks ? shape.Factor : 1;
            case ShapeKind.Steps:
                var step = Array.BinarySearch(_phases, at);
                if (step < 0)
                    step = ~step - 1;
                return step < 0 ? 1 : shape.Steps[step].Factor;
            default:
                return 1;
        }
    }

    private static double Peak(ShapeSpec shape) => shape.Kind switch
    {
        ShapeKind.Diurnal => 1 + shape.Amplitude,
        ShapeKind.Ramp or ShapeKind.Burst => Math.Max(1, shape.Factor),
        ShapeKind.Steps => Math.Max(1, shape.Steps.Max(s => s.Factor)),
        _ => 1,
    };
}
