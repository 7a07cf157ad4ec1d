using System.Globalization;

namespace Holdfast.Commands;

/// <summary>Says a long reason that stands in several rows once, below the table: while a site is closed, every message
/// waits for the same reason.</summary>
internal sealed class Footnotes
{
    /// <summary>Shorter reasons are easier to read in their row.</summary>
    private const int LengthMin = 40;
    private const string LastReply = "; last reply: ";
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);

    public Footnotes(IEnumerable<string> reasons)
    {
        foreach (var repeated in reasons.Select(Head).Where(h => h.Length >= LengthMin)
            .GroupBy(h => h, StringComparer.Ordinal).Where(g => g.Skip(1).Any()))
            _numbers.Add(repeated.Key, _numbers.Count + 1);
    }

    /// <summary>What stands in the row: the reason, or its number with what is the row's own.</summary>
    public string InRow(string reason)
    {
        var head = Head(reason);
        return _numbers.TryGetValue(head, out var number)
            ? string.Create(CultureInfo.InvariantCulture, $"({number}){reason[head.Length..]}") : reason;
    }

    public void Write(TextWriter output)
    {
        foreach (var (reason, number) in _numbers)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"({number}) {Terminal.Printable(reason)}"));
    }

    /// <summary>The reason without the message's own last reply.</summary>
    private static string Head(string reason) =>
        reason.IndexOf(LastReply, StringComparison.Ordinal) is >= 0 and var at ? reason[..at] : reason;
}
