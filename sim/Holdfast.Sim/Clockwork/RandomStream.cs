using System.Numerics;
using System.Runtime.CompilerServices;
using System.Text;

namespace Holdfast.Sim.Clockwork;

/// <summary>Chance of one component: xoshiro256** (Blackman and Vigna), seeded from the run's seed and the component's
/// name, so that one component's draws don't shift another's.</summary>
/// <remarks>The bits depend on nothing but seed and name: no library generator, whose algorithm may change, no string
/// hash, no platform's logarithm.</remarks>
internal sealed class RandomStream : Random
{
    private const double ToUnit = 1.0 / (1L << 53);
    private ulong _a;
    private ulong _b;
    private ulong _c;
    private ulong _d;
    private double _spare = double.NaN;

    public RandomStream(ulong seed, string name)
        : base(0)
    {
        // FNV-1a over the name, then SplitMix64 for the state, as the authors advise.
        var hash = 14695981039346656037UL;
        foreach (var octet in Encoding.UTF8.GetBytes(name))
            hash = (hash ^ octet) * 1099511628211UL;
        var state = seed * 0x9E3779B97F4A7C15UL ^ hash;
        _a = Split(ref state);
        _b = Split(ref state);
        _c = Split(ref state);
        _d = Split(ref state);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong NextBits()
    {
        var result = BitOperations.RotateLeft(_b * 5, 7) * 9;
        var t = _b << 17;
        _c ^= _a;
        _d ^= _b;
        _b ^= _c;
        _a ^= _d;
        _c ^= t;
        _d = BitOperations.RotateLeft(_d, 45);
        return result;
    }

    /// <summary>0 to 1, 1 excluded.</summary>
    public override double NextDouble() => (NextBits() >> 11) * ToUnit;

    protected override double Sample() => NextDouble();

    public override int Next() => (int)(NextBits() >> 33);

    public override int Next(int maxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxValue);
        return (int)(((NextBits() >> 32) * (ulong)maxValue) >> 32);
    }

    public override int Next(int minValue, int maxValue)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minValue, maxValue);
        return (int)(minValue + (long)(((NextBits() >> 32) * (ulong)((long)maxValue - minValue)) >> 32));
    }

    public override long NextInt64() => (long)(NextBits() >> 1);

    public override void NextBytes(byte[] buffer) => NextBytes(buffer.AsSpan());

    public override void NextBytes(Span<byte> buffer)
    {
        for (var i = 0; i < buffer.Length; i++)
            buffer[i] = (byte)(NextBits() >> 56);
    }

    /// <summary>Exponential with mean 1.</summary>
    public double NextExponential() => -Exact.Log(1 - NextDouble());

    /// <summary>Normal with mean 0 and deviation 1 (Marsaglia's polar method, two at a time).</summary>
    public double NextNormal()
    {
        if (!double.IsNaN(_spare))
        {
            var spare = _spare;
            _spare = double.NaN;
            return spare;
        }
        double x, y, square;
        do
        {
            x = 2 * NextDouble() - 1;
            y = 2 * NextDouble() - 1;
            square = x * x + y * y;
        }
        while (square is >= 1 or 0);
        var factor = Math.Sqrt(-2 * Exact.Log(square) / square);
        _spare = y * factor;
        return x * factor;
    }

    private static ulong Split(ref ulong state)
    {
        var z = state += 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
