using System.Globalization;
using Holdfast.Watch.Localise;

namespace Holdfast.Watch.Recorded;

/// <summary>A file of failures by dimensions: columns requests, failures, maybe expected failures; every other column
/// is a dimension.</summary>
/// <remarks>Promise: a fault names its line. Rows of the same values are added. Memory: some numbers a row.</remarks>
public static class BreakdownFile
{
    public const int RowsMax = 1_000_000;
    public const int DimensionsMax = 12;
    public const int ValuesMax = 100_000;
    private const double CountMax = 1e12;
    private static readonly string[] s_requests = ["requests", "total", "attempts"];
    private static readonly string[] s_failures = ["failures", "failed", "errors", "actual", "real"];
    private static readonly string[] s_expected = ["expectedfailures", "expected", "forecast", "predict", "predicted"];

    /// <returns>Null at a fault.</returns>
    public static FailureCube? Read(TextReader reader, out FileFault? fault)
    {
        var scanner = new CsvScanner(reader);
        if (!scanner.TryRead(out fault))
        {
            fault ??= new(0, "is empty");
            return null;
        }
        var columns = new Columns();
        fault = columns.Read(scanner);
        while (fault is null && scanner.TryRead(out fault))
            fault = columns.TakeRow(scanner);
        if (fault is null && columns.IsEmpty)
            fault = new(scanner.Line, "has no row below the header");
        return fault is null ? columns.ToCube() : null;
    }

    private sealed class Columns
    {
        private readonly List<(int Column, string Name, Dictionary<string, int> Codes, List<int> Rows)> _dimensions =
            [];
        private readonly List<double> _requestCounts = [];
        private readonly List<double> _failureCounts = [];
        private readonly List<double> _expectedCounts = [];
        private int _requests = -1;
        private int _failures = -1;
        private int _expected = -1;
        private int _columns;

        public bool IsEmpty => _failureCounts.Count == 0;

        public FileFault? Read(CsvScanner header)
        {
            _columns = header.Count;
            for (var i = 0; i < header.Count; i++)
            {
                var name = string.Concat(header[i].ToString().ToLowerInvariant()
                    .Where(c => c is not ('_' or ' ' or '-')));
                ref var place = ref _requests;
                if (s_failures.Contains(name))
                    place = ref _failures;
                else if (s_expected.Contains(name))
                    place = ref _expected;
                else if (!s_requests.Contains(name))
                {
                    if (_dimensions.Count == DimensionsMax)
                        return new(header.Line, $"has more than {DimensionsMax} dimensions");
                    _dimensions.Add((i, header[i].ToString(), new(StringComparer.Ordinal), []));
                    continue;
                }
                if (place >= 0)
                    return new(header.Line, $"has two columns for the same: {FileFault.Shorten(header[place])} and "
                        + FileFault.Shorten(header[i]));
                place = i;
            }
            return _failures < 0 ? new(header.Line, "has no column failures")
                : _requests < 0 && _expected < 0 ? new(header.Line, "has neither requests nor expected failures")
                : _dimensions.Count == 0 ? new(header.Line, "has no dimension") : null;
        }

        public FileFault? TakeRow(CsvScanner row)
        {
            if (row.Count != _columns)
                return new(row.Line, $"has {row.Count} columns, the header {_columns}");
            if (_failureCounts.Count == RowsMax)
                return new(row.Line, $"is a row more than {RowsMax}");
            if ((Take(row, _failures, _failureCounts)
                ?? Take(row, _requests < 0 ? _expected : _requests, _requestCounts)
                ?? (_expected < 0 ? null : Take(row, _expected, _expectedCounts))) is { } fault)
                return fault;
            foreach (var (column, name, codes, rows) in _dimensions)
            {
                var lookup = codes.GetAlternateLookup<ReadOnlySpan<char>>();
                if (!lookup.TryGetValue(row[column], out var code))
                {
                    if (codes.Count == ValuesMax)
                        return new(row.Line, $"has one value more than {ValuesMax} of {FileFault.Shorten(name)}");
                    code = codes.Count;
                    codes.Add(row[column].ToString(), code);
                }
                rows.Add(code);
            }
            return null;
        }

        public FailureCube ToCube() => new([.. _dimensions.Select(d => d.Name)],
            [.. _dimensions.Select(d => (IReadOnlyList<string>)[.. d.Codes.Keys])],
            [.. _dimensions.Select(d => d.Rows.ToArray())],
            [.. _requestCounts], [.. _failureCounts], _expected < 0 ? null : [.. _expectedCounts]);

        private static FileFault? Take(CsvScanner row, int column, List<double> into)
        {
            if (!double.TryParse(row[column], NumberStyles.Float, CultureInfo.InvariantCulture, out var count)
                || !(count >= 0 && count <= CountMax))
                return new(row.Line, $"{FileFault.Shorten(row[column])} is no count: a number of 0 to 1e12");
            into.Add(count);
            return null;
        }
    }
}
