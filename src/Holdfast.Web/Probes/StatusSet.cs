using System.Globalization;

namespace Holdfast.Web.Probes;

/// <summary>Statuses that are well: <c>200-299, 304</c>.</summary>
internal sealed class StatusSet
{
    private const int Least = 100;
    private const int Most = 599;
    private readonly List<(int From, int To)> _ranges = [];

    private StatusSet()
    {
    }

    public static bool TryParse(string text, out StatusSet set)
    {
        set = new StatusSet();
        foreach (var part in text.Split(','))
        {
            var dash = part.IndexOf('-', StringComparison.Ordinal);
            if (!TryParse(dash < 0 ? part : part.AsSpan(0, dash), out var from)
                || !TryParse(dash < 0 ? part : part.AsSpan(dash + 1), out var to) || to < from)
            {
                return false;
            }
            set._ranges.Add((from, to));
        }
        return true;
    }

    private static bool TryParse(ReadOnlySpan<char> text, out int status) =>
        int.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out status)
        && status is >= Least and <= Most;

    public bool Contains(int status)
    {
        foreach (var (from, to) in _ranges)
        {
            if (status >= from && status <= to)
                return true;
        }
        return false;
    }
}
