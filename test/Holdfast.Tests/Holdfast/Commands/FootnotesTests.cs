using Holdfast.Commands;

namespace Holdfast.Tests.Commands;

public class FootnotesTests
{
    private const string Closed = "mail-na closed since 17:45:00Z: 37 of 40 RCPT answered 451 4.3.2; next canary in 3 s";

    private static (string[] Rows, string Below) Write(params string[] reasons)
    {
        var notes = new Footnotes(reasons);
        using var output = new StringWriter { NewLine = "\n" };
        notes.Write(output);
        return ([.. reasons.Select(notes.InRow)], output.ToString());
    }

    [Fact]
    public void A_long_reason_of_several_rows_is_said_once_and_each_row_keeps_its_own_reply()
    {
        var (rows, below) = Write(Closed, Closed + "; last reply: 451 4.3.2 no", "ready", "ready");
        Assert.Equal(["(1)", "(1); last reply: 451 4.3.2 no", "ready", "ready"], rows);
        Assert.Equal($"(1) {Closed}\n", below);
    }

    [Fact]
    public void What_stands_in_one_row_only_stays_there()
    {
        var (rows, below) = Write(Closed, "held: phishing report 17, released by the mail team on Monday");
        Assert.Equal(Closed, rows[0]);
        Assert.Empty(below);
    }

    [Fact]
    public void No_control_character_gets_below_either() =>
        Assert.DoesNotContain('\e', Write(Closed + "\e[2J", Closed + "\e[2J").Below);
}
