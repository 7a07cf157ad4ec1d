using System.Text;
using Spectre.Console;

namespace Holdfast.Commands;

/// <summary>A table for a terminal that is too narrow for its columns: the first ones that fit stand in columns, the
/// others follow below each row as words.</summary>
/// <remarks>Promise: nothing is left out, an id or address is never broken while it fits into a line.</remarks>
internal static class StackedTable
{
    public const int LastColumnMin = 30;
    private const string Gap = "  ";
    private const string Indent = "    ";

    /// <summary>Whether a table with lines has room for all columns whole, and enough for the words of the last one.
    /// </summary>
    public static bool FitsWithLines(IReadOnlyList<string> headers, IReadOnlyList<IReadOnlyList<Cell>> rows, int width)
    {
        var widths = Widths(headers, rows);
        // A line before each column, a blank on both sides, and the last line.
        return widths.SkipLast(1).Sum() + Math.Min(widths[^1], LastColumnMin) + 3 * widths.Length + 1 <= width;
    }

    /// <summary>The whole text in pieces of one style each.</summary>
    public static IEnumerable<(string Text, Style? Style)> Write(IReadOnlyList<string> headers,
        IReadOnlyList<IReadOnlyList<Cell>> rows, int width)
    {
        var widths = Widths(headers, rows);
        var columns = 1;
        for (var used = widths[0]; columns < widths.Length - 1; columns++)
        {
            used += Gap.Length + widths[columns];
            if (used > width)
                break;
        }
        var bold = new Style(decoration: Decoration.Bold);
        for (var i = 0; i < columns; i++)
            yield return (Padded(headers[i], i), bold);
        yield return ("\n", null);
        foreach (var row in rows)
        {
            for (var i = 0; i < columns; i++)
                yield return (Padded(Terminal.Printable(row[i].Text), i), row[i].Style);
            yield return ("\n", null);
            var rest = Enumerable.Range(columns, widths.Length - columns).Where(i => row[i].Text is not ("" or "-"))
                .Select(i => $"{headers[i]}: {Terminal.Printable(row[i].Text)}");
            foreach (var line in Wrap(string.Join("; ", rest), width - Indent.Length))
                yield return (Indent + line + "\n", null);
        }

        string Padded(string text, int column) =>
            column == columns - 1 ? text : text.PadRight(widths[column]) + Gap;
    }

    /// <summary>Lines broken at blanks; a word longer than a line stands alone and is left to the terminal.</summary>
    internal static IEnumerable<string> Wrap(string text, int width)
    {
        var line = new StringBuilder();
        foreach (var word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > width)
            {
                yield return line.ToString();
                line.Clear();
            }
            if (line.Length > 0)
                line.Append(' ');
            line.Append(word);
        }
        if (line.Length > 0)
            yield return line.ToString();
    }

    private static int[] Widths(IReadOnlyList<string> headers, IReadOnlyList<IReadOnlyList<Cell>> rows) =>
        [.. headers.Select((h, i) => rows.Select(r => Terminal.Printable(r[i].Text).Length).Append(h.Length).Max())];
}
