using System.Text;
using Spectre.Console;

namespace Holdfast.Commands;

/// <summary>Writes tables: with lines and colours to a terminal, plain columns into a pipe or a file.</summary>
internal static class Terminal
{
    /// <summary>Rows of a table; a cell's colour is used in a terminal only, and not with NO_COLOR.</summary>
    public static void WriteTable(TextWriter output, IReadOnlyList<string> headers,
        IReadOnlyList<IReadOnlyList<Cell>> rows)
    {
        if (IsTerminal(output))
            WriteWithLines(headers, rows);
        else
            WritePlain(output, headers, rows);
    }

    public static bool IsTerminal(TextWriter output) =>
        ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected;

    /// <summary>A table with lines where only the last column must wrap for it; else see <see cref="StackedTable"/>.
    /// </summary>
    private static void WriteWithLines(IReadOnlyList<string> headers, IReadOnlyList<IReadOnlyList<Cell>> rows)
    {
        var width = AnsiConsole.Profile.Width;
        if (!StackedTable.FitsWithLines(headers, rows, width))
        {
            foreach (var (text, style) in StackedTable.Write(headers, rows, width))
                AnsiConsole.Write(new Text(text, style));
            return;
        }
        var table = new Table { Border = TableBorder.Rounded };
        for (var i = 0; i < headers.Count; i++)
        {
            table.AddColumn(new TableColumn(new Text(headers[i], new Style(decoration: Decoration.Bold)))
            {
                NoWrap = i < headers.Count - 1,
            });
        }
        foreach (var row in rows)
            table.AddRow(row.Select(c => (Spectre.Console.Rendering.IRenderable)new Text(Printable(c.Text), c.Style)));
        AnsiConsole.Write(table);
    }

    private static void WritePlain(TextWriter output, IReadOnlyList<string> headers,
        IReadOnlyList<IReadOnlyList<Cell>> rows)
    {
        var widths = headers
            .Select((h, i) => rows.Select(r => Printable(r[i].Text).Length).Append(h.Length).Max()).ToArray();
        WriteRow(headers);
        foreach (var row in rows)
            WriteRow([.. row.Select(c => Printable(c.Text))]);

        void WriteRow(IReadOnlyList<string> cells)
        {
            var line = new StringBuilder();
            for (var i = 0; i < cells.Count; i++)
                line.Append(i == cells.Count - 1 ? cells[i] : cells[i].PadRight(widths[i] + 2));
            output.WriteLine(line.ToString().TrimEnd());
        }
    }

    /// <summary>Addresses and replies come from outside: no control character may reach a terminal.</summary>
    public static string Printable(string text)
    {
        if (!text.Any(IsUnsafe))
            return text;
        var safe = new StringBuilder();
        foreach (var c in text)
            safe.Append(IsUnsafe(c) ? '\uFFFD' : c);
        return safe.ToString();

        // Also the marks that turn the direction of writing (Unicode TR 36).
        static bool IsUnsafe(char c) =>
            char.IsControl(c) || c is >= '\u202A' and <= '\u202E' or >= '\u2066' and <= '\u2069';
    }
}

/// <summary>A cell of a table.</summary>
internal readonly record struct Cell(string Text, Style? Style = null)
{
    public static implicit operator Cell(string text) => new(text);
    public static Cell Of(string text) => new(text);

    /// <summary>The colour of a verdict's or message's state.</summary>
    public static Cell State(string state) => new(state, state switch
    {
        "Healthy" or "Ready" or "Delivered" or "InDelivery" => new Style(Color.Green),
        "Suspect" or "Degraded" or "Recovering" or "Held" or "OutcomeUnknown" => new Style(Color.Yellow),
        "Closed" or "DestinationClosed" or "Failed" => new Style(Color.Red),
        _ => (Style?)null,
    });
}
