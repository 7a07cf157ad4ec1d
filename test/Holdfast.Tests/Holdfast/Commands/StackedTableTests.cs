using Holdfast.Commands;

namespace Holdfast.Tests.Commands;

public class StackedTableTests
{
    private static readonly string[] Headers = ["Id", "State", "Why"];
    private static readonly Cell[] Row = ["01M84HM04W000KRZ3P96V9D3V1", Cell.State("Held"), string.Join(' ',
        Enumerable.Repeat("phishing report", 6))];

    private static string[] Lines(int width) =>
        string.Concat(StackedTable.Write(Headers, [Row], width).Select(p => p.Text)).TrimEnd('\n').Split('\n');

    [Fact]
    public void Lines_are_drawn_only_where_no_column_but_the_last_must_wrap()
    {
        // 26 + 5 + 30 and 10 for three columns' lines and blanks.
        Assert.True(StackedTable.FitsWithLines(Headers, [Row], 71));
        Assert.False(StackedTable.FitsWithLines(Headers, [Row], 70));
    }

    [Fact]
    public void Words_that_do_not_fit_follow_below_their_row()
    {
        var lines = Lines(40);
        Assert.Equal("Id                          State", lines[0]);
        Assert.Equal("01M84HM04W000KRZ3P96V9D3V1  Held", lines[1]);
        Assert.Equal("    Why: phishing report phishing report", lines[2]);
        Assert.All(lines, l => Assert.InRange(l.Length, 0, 40));
    }

    [Fact]
    public void Nothing_is_left_out_or_broken_at_any_width()
    {
        for (var width = 1; width < 120; width++)
        {
            var words = string.Join(' ', Lines(width)).Split(' ', StringSplitOptions.RemoveEmptyEntries);
            Assert.Contains(Row[0].Text, words);
            Assert.Contains("Held", words.Select(w => w.TrimEnd(';')));
            Assert.Equal(6, words.Count(w => w == "phishing"));
        }
    }
}
