using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Holdfast.Sim.Scenarios;

/// <summary>Tables beside a scenario: recorded arrivals, capacity factors.</summary>
/// <remarks>Commas, no quotes; empty lines and lines that begin with # are skipped. The first fault of a file ends its
/// reading. Arrivals: a header names the columns, <c>time</c> (seconds) and optionally <c>size</c> (bytes),
/// <c>priority</c>, <c>operation</c>; times don't go back.</remarks>
internal static class CsvFile
{
    public const int BytesMax = 64 << 20;
    private const int RowsMax = 4_000_000;
    private static readonly string[] s_columns = ["time", "size", "priority", "operation"];

    public static ImmutableArray<double> ReadFactors(byte[] bytes, string file, List<ScenarioFault> faults)
    {
        var factors = ImmutableArray.CreateBuilder<double>();
        foreach (var (line, text) in Lines(bytes))
        {
            if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var factor)
                || !(factor is >= 0.01 and <= 100))
            {
                faults.Add(new(line, file, $"'{Short(text)}' is no factor", "a number from 0.01 to 100 a line"));
                return [];
            }
            factors.Add(factor);
            if (factors.Count > 1_000_000)
                return Fail(line, file, "more than 1000000 rows", faults, (ImmutableArray<double>)[]);
        }
        return factors.Count == 0 ? Fail(1, file, "holds no row", faults, (ImmutableArray<double>)[])
            : factors.ToImmutable();
    }

    public static ImmutableArray<RecordedArrival> ReadArrivals(byte[] bytes, string file,
        IReadOnlyList<string> operations, List<ScenarioFault> faults)
    {
        var none = ImmutableArray<RecordedArrival>.Empty;
        var arrivals = ImmutableArray.CreateBuilder<RecordedArrival>();
        int[]? columns = null;
        Span<Range> ranges = stackalloc Range[8];
        foreach (var (line, text) in Lines(bytes))
        {
            if (columns is null)
            {
                columns = [.. text.Split(',').Select(c => Array.IndexOf(s_columns, c.Trim()))];
                if (columns.Length > 4 || columns.Contains(-1) || !columns.Contains(0)
                    || columns.Distinct().Count() != columns.Length)
                {
                    return Fail(line, file, "the header must name time, and may name size, priority, operation",
                        faults, none);
                }
                continue;
            }
            var row = text.AsSpan();
            if (row.Split(ranges, ',') != columns.Length)
                return Fail(line, file, $"a row has {columns.Length} cells here", faults, none);
            var arrival = new RecordedArrival(TimeSpan.Zero);
            for (var i = 0; i < columns.Length; i++)
            {
                if (!TryCell(row[ranges[i]].Trim(), columns[i], operations, ref arrival))
                    return Fail(line, file, $"'{Short(row[ranges[i]])}' is no {s_columns[columns[i]]}", faults, none);
            }
            if (arrivals.Count > 0 && arrival.At < arrivals[^1].At)
                return Fail(line, file, "the time goes back", faults, none);
            if (arrivals.Count >= RowsMax)
                return Fail(line, file, $"more than {RowsMax} rows", faults, none);
            arrivals.Add(arrival);
        }
        return columns is null || arrivals.Count == 0 ? Fail(1, file, "holds no arrival", faults, none)
            : arrivals.ToImmutable();
    }

    private static bool TryCell(ReadOnlySpan<char> cell, int column, IReadOnlyList<string> operations,
        ref RecordedArrival arrival)
    {
        var isNumber = double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out var number);
        switch (column)
        {
            case 0 when isNumber && number is >= 0 and <= 1e8:
                arrival = arrival with { At = TimeSpan.FromTicks((long)Math.Round(number * TimeSpan.TicksPerSecond)) };
                return true;
            case 1 when isNumber && number is >= 0 and <= 1e12:
                arrival = arrival with { SizeBytes = (float)number };
                return true;
            case 2 when isNumber && number is 0 or 1 or 2 or 3 or 4 or 5:
                arrival = arrival with { Priority = (sbyte)number };
                return true;
            case 3:
                for (var i = 0; i < operations.Count; i++)
                {
                    if (cell.SequenceEqual(operations[i]))
                    {
                        arrival = arrival with { Operation = (sbyte)i };
                        return true;
                    }
                }
                return false;
            default:
                return column != 0 && cell.IsEmpty;
        }
    }

    private static T Fail<T>(int line, string file, string problem, List<ScenarioFault> faults, T nothing)
    {
        faults.Add(new(line, file, problem));
        return nothing;
    }

    private static string Short(ReadOnlySpan<char> text)
    {
        var shown = new string(text[..Math.Min(text.Length, 40)]);
        return new string([.. shown.Select(c => char.IsControl(c) ? '?' : c)]);
    }

    private static IEnumerable<(int Line, string Text)> Lines(byte[] bytes)
    {
        var line = 0;
        using var reader = new StreamReader(new MemoryStream(bytes), Encoding.UTF8);
        while (reader.ReadLine() is { } text)
        {
            line++;
            if (!string.IsNullOrWhiteSpace(text) && text[0] != '#')
                yield return (line, text.Trim());
        }
    }
}
