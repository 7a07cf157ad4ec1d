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

    /// <summary>The series' terms, least first: to divide each time took half of the logarithm's time.</summary>
    private static ReadOnlySpan<double> Odd =>
    [
        1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3, 1.0,
    ];

    public static double Exp(double x)
    {
        if (!(x > -700))
            return double.IsNaN(x) ? x : 0;
        if (x > 700)
            return double.PositiveInfinity;
        // x = k·ln 2 + r, |r| ≤ ln 2 / 2; e^r by its series, halved twice so that 10 terms do.
        var k = Math.Floor(x / Ln2 + 0.5);
        var r = (x - k * Ln2High - k * Ln2Low) * 0.25;
        var sum = 1.0;
        for (var i = 10; i >= 1; i--)
            sum = 1 + r * sum / i;
        sum *= sum;
        sum *= sum;
        return Math.ScaleB(sum, (int)k);
    }

    /// <summary>Natural logarithm of a positive, normal number.</summary>
    public static double Log(double x)
    {
        if (!(x > 0))
            return x == 0 ? double.NegativeInfinity : double.NaN;
        // x = m·2^k, m in [√½, √2); ln m = 2·artanh((m − 1)/(m + 1)).
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
        var sum = 0.0;
        foreach (var term in Odd)
            sum = sum * z + term;
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
