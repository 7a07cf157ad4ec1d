using System.Globalization;
using System.Text;

namespace Holdfast.Bench.Scenarios;

/// <summary>The table of scenarios × policies. Nothing in it depends on the machine or the day, so that a change of the
/// engine shows in the diff and nothing else does.</summary>
internal static class SuiteReport
{
    /// <summary>What a baseline may serve more before it counts as better: chance moves single requests.</summary>
    private const double Margin = 0.002;

    public static string Write(IReadOnlyList<SuiteRow> rows)
    {
        var text = new StringBuilder();
        text.Append("""
            # Scenarios

            `bench/run suite` runs every scenario of `scenarios/` under every policy, in virtual time and by the seed that the
            file names; nothing here depends on the machine. *Optimum*: the linear programme that knows the future. *Regret*:
            1 − served in time / optimum.


            """);
        Summarise(text, rows);
        Ours(text, rows);
        Drains(text, rows);
        Matrix(text, rows, "Regret", "Lower is better; **bold**: a baseline served more than Holdfast did.",
            (row, cell) => Mark(Percent(cell.Regret), IsBetter(row, cell)));
        Matrix(text, rows, "Time to 99 % of the optimum after healing", "Seconds; *never*: the collapse outlives its cause.",
            (row, cell) => row.Scenario.HealedAt is null ? "–" : Seconds(cell.ConvergedAfter));
        Matrix(text, rows, "Peak offered / capacity of sites without a fault", "Over ten seconds.",
            (_, cell) => Number(cell.Figures.PeakUse, "0.00"));
        Matrix(text, rows, "Attempts at sites a request, client retries counted as attempts", "",
            (_, cell) => Number((double)cell.Totals.Attempts / Math.Max(1, cell.Totals.Requests), "0.00"));
        Matrix(text, rows, "Healthy targets lost", "Closed without a fault, or crashed.",
            (_, cell) => cell.HealthyLost.ToString(CultureInfo.InvariantCulture));
        return text.ToString();
    }

    public static bool IsBetter(SuiteRow row, SuiteCell cell) => cell != row.Ours && cell.Regret < row.Ours.Regret - Margin;

    private static void Summarise(StringBuilder text, IReadOnlyList<SuiteRow> rows)
    {
        text.Append("| Policy | mean regret | worst regret | in | never back | healthy targets lost |\n");
        text.Append("| --- | ---: | ---: | --- | ---: | ---: |\n");
        for (var i = 0; i < rows[0].Cells.Count; i++)
        {
            var cells = rows.Select(r => (Row: r, Cell: r.Cells[i])).ToList();
            var worst = cells.MaxBy(c => c.Cell.Regret);
            text.Append(CultureInfo.InvariantCulture, $"| {worst.Cell.Policy} | {Percent(cells.Average(c => c.Cell.Regret))} ");
            text.Append(CultureInfo.InvariantCulture, $"| {Percent(worst.Cell.Regret)} | {worst.Row.Scenario.Name} ");
            text.Append(CultureInfo.InvariantCulture,
                $"| {cells.Count(c => c.Row.Scenario.HealedAt is not null && c.Cell.ConvergedAfter is null)} ");
            text.Append(CultureInfo.InvariantCulture, $"| {cells.Sum(c => c.Cell.HealthyLost)} |\n");
        }
        var better = rows.Where(r => r.Cells.Any(c => IsBetter(r, c))).ToList();
        text.Append(CultureInfo.InvariantCulture,
            $"\nA baseline served more than Holdfast in {better.Count} of {rows.Count} scenarios");
        text.Append(better.Count == 0 ? ".\n" : ": " + string.Join(", ", better.Select(r => r.Scenario.Name)) + ".\n");
        var breaches = rows.Sum(r => r.Ours.Breaches.Count);
        text.Append(CultureInfo.InvariantCulture, $"Invariants broken by Holdfast: {breaches}.\n");
        foreach (var row in rows)
        {
            foreach (var breach in row.Ours.Breaches.Take(3))
                text.Append(CultureInfo.InvariantCulture, $"- {row.Scenario.Name}: {breach}\n");
        }
    }

    private static void Ours(StringBuilder text, IReadOnlyList<SuiteRow> rows)
    {
        text.Append("""

            ## Holdfast

            | Scenario | optimum | regret | top priority served | peak use of survivors | healthy lost | attempts | to 99 % | to detect | false alarms | broken |
            | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |

            """);
        foreach (var row in rows)
        {
            var cell = row.Ours;
            string[] columns =
            [
                row.Scenario.Name, Number(row.Optimum.Total, "0"), Percent(cell.Regret),
                Percent(cell.Figures.ServedTopShare), Number(cell.Figures.PeakUse, "0.00"),
                cell.HealthyLost.ToString(CultureInfo.InvariantCulture),
                Number((double)cell.Totals.Attempts / Math.Max(1, cell.Totals.Requests), "0.00"),
                row.Scenario.HealedAt is null ? "–" : Seconds(cell.ConvergedAfter),
                (cell.Detection.WorstSeconds is { } seen ? Number(seen, "0.0") + " s" : "–")
                    + (cell.Detection.Missed > 0 ? $", {cell.Detection.Missed} missed" : ""),
                cell.Detection.FalseAlarms.ToString(CultureInfo.InvariantCulture),
                cell.Breaches.Count.ToString(CultureInfo.InvariantCulture),
            ];
            text.Append("| ").AppendJoin(" | ", columns).Append(" |\n");
        }
    }

    private static void Drains(StringBuilder text, IReadOnlyList<SuiteRow> rows)
    {
        foreach (var row in rows)
        {
            if (row.Optimum.DrainedAt is not { } least)
                continue;
            text.Append(CultureInfo.InvariantCulture,
                $"\n{row.Scenario.Name}: the backlog can be gone in {least.TotalSeconds:0} s; ")
                .AppendJoin(", ", row.Cells.Select(c => c.Policy + " " + Seconds(c.DrainedAt))).Append(".\n");
        }
    }

    private static void Matrix(StringBuilder text, IReadOnlyList<SuiteRow> rows, string title, string about,
        Func<SuiteRow, SuiteCell, string> show)
    {
        text.Append("\n## ").Append(title).Append("\n\n");
        if (about.Length > 0)
            text.Append(about).Append("\n\n");
        text.Append("| Scenario | ").AppendJoin(" | ", rows[0].Cells.Select(c => c.Policy)).Append(" |\n| ---");
        foreach (var _ in rows[0].Cells)
            text.Append(" | ---:");
        text.Append(" |\n");
        foreach (var row in rows)
        {
            text.Append("| ").Append(row.Scenario.Name).Append(" | ")
                .AppendJoin(" | ", row.Cells.Select(c => show(row, c))).Append(" |\n");
        }
    }

    private static string Mark(string value, bool isMarked) => isMarked ? $"**{value}**" : value;
    private static string Percent(double share) => Number(100 * share, "0.0") + " %";
    private static string Seconds(TimeSpan? time) => time is { } t ? Number(t.TotalSeconds, "0") : "never";

    private static string Number(double value, string format)
    {
        var shown = value.ToString(format, CultureInfo.InvariantCulture);
        // No minus before a rounded nothing.
        return shown.TrimStart('-').Trim('0', '.').Length == 0 ? shown.TrimStart('-') : shown;
    }
}
