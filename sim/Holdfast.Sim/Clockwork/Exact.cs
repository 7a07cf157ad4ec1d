namespace Holdfast.Sim.Clockwork;

/// <summary>Exponential and logarithm from additions, multiplications and divisions alone.</summary>
/// <remarks>IEEE 754 fixes the bits of those on every platform, not those of <see cref="Math.Exp"/> and
/// <see cref="Math.Log"/>, which call the platform's library: with them the same seed could give another report on
/// another machine. Relative error below 1e-14, which no simulation notices.</remarks>
internal static class Exact
{
    public const double Ln2 = 0.693147180559945309417232;
    private const double Ln2High = 6.93147180369123816490e-01;
    private const double Ln2Low = 1.90821492927058770002e-10;

    private const double PerLn2 = 1.44269504088896340735992;

    // Both series are summed in pairs, pairs of pairs and so on (Estrin): their sums don't wait for each other, as
    // Horner's do. The order is fixed, and so are the bits.

    public static double Exp(double x)
    {
        if (!(x > -700))
            return double.IsNaN(x) ? x : 0;
        if (x > 700)
            return double.PositiveInfinity;
        // x = k·ln 2 + r, |r| ≤ ln 2 / 2; e^r by its series up to r¹³ / 13!, the next term is below 1e-17.
        var k = Math.Floor(x * PerLn2 + 0.5);
        var r = x - k * Ln2High - k * Ln2Low;
        var r2 = r * r;
        var r4 = r2 * r2;
        var low = 1 + r + (1.0 / 2 + r * (1.0 / 6)) * r2;
        var middle = 1.0 / 24 + r * (1.0 / 120) + (1.0 / 720 + r * (1.0 / 5040)) * r2;
        var high = 1.0 / 40_320 + r * (1.0 / 362_880) + (1.0 / 3_628_800 + r * (1.0 / 39_916_800)) * r2;
        var top = 1.0 / 479_001_600 + r * (1.0 / 6_227_020_800);
        var sum = low + middle * r4 + (high + top * r4) * (r4 * r4);
        return sum * BitConverter.Int64BitsToDouble(((long)k + 1023) << 52);
    }

    /// <summary>Natural logarithm of a positive, normal number.</summary>
    public static double Log(double x)
    {
        if (!(x > 0))
            return x == 0 ? double.NegativeInfinity : double.NaN;
        // x = m·2^k, m in [√½, √2); ln m = 2·artanh((m − 1)/(m + 1)), the odd terms up to the 21st.
        var bits = BitConverter.DoubleToInt64Bits(x);
        var k = (int)((bits >> 52) & 0x7FF) - 1023;
        var m = BitConverter.Int64BitsToDouble((bits & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000);
        if (m > 1.4142135623730951)
        {
            m *= 0.5;
            k++;
        }
        var s = (m - 1) / (m + 1);
        var z = s * s;
        var z2 = z * z;
        var z4 = z2 * z2;
        var low = 1 + z * (1.0 / 3) + (1.0 / 5 + z * (1.0 / 7)) * z2;
        var middle = 1.0 / 9 + z * (1.0 / 11) + (1.0 / 13 + z * (1.0 / 15)) * z2;
        var high = 1.0 / 17 + z * (1.0 / 19) + 1.0 / 21 * z2;
        var sum = low + middle * z4 + high * (z4 * z4);
        return k * Ln2High + (2 * s * sum + k * Ln2Low);
    }

    /// <summary>sin(2π·turns).</summary>
    public static double SinOfTurns(double turns)
    {
        turns -= Math.Floor(turns);
        var sign = 1.0;
        if (turns >= 0.5)
        {
            turns -= 0.5;
            sign = -1;
        }
        if (turns > 0.25)
            turns = 0.5 - turns;
        var x = turns * (2 * Math.PI);
        var z = x * x;
        var sum = 0.0;
        for (var i = 17; i >= 1; i -= 2)
            sum = 1 - z * sum / ((i + 1) * (i + 2));
        return sign * x * sum;
    }
}
