using System.Globalization;
using System.Text;
using Holdfast.Mail.Deliver;

namespace Holdfast.Tests.Mail.Deliver;

public class RepliesReferenceTests
{
    private const string Head = """
        # How replies are read

        Written from the table in `ReplyClassifier`; a test compares them. The first row that matches decides. `4yz` and
        `5yz` stand for every code of the class, `*` for any number; an enhanced code of another class than its reply is not
        believed. *For good* means that the message (scope Message) or the recipient (scope Recipient) is not tried again;
        whatever reaches further never ends a message, it waits or goes elsewhere.

        Scopes: Recipient, Message, SourceAddress (ours: another region does not cure it, another egress may), Target (one
        address and port), Site, Route (our configuration of it), Unclassified (counts against a target only when at least
        three distinct senders and recipients saw it).

        A connection that fails, times out or breaks without a reply counts against the target. After the final dot it leaves
        the outcome unknown: the message may have been delivered, so it is tried later, at the same site first.

        | Reply | Enhanced | At | Text holds | Scope | For good | Meaning | Source |
        | --- | --- | --- | --- | --- | --- | --- | --- |

        """;

    [Fact]
    public void The_reference_holds_the_table_as_it_is()
    {
        var text = new StringBuilder(Head);
        foreach (var row in ReplyClassifier.Rows)
        {
            var code = row.Code < 10 ? $"{row.Code}yz" : row.Code.ToString(CultureInfo.InvariantCulture);
            var enhanced = row.Subject == ReplyClassifier.AnyNumber ? ""
                : $"{(row.Code < 10 ? row.Code : row.Code / 100)}.{row.Subject}."
                    + (row.DetailMin == ReplyClassifier.AnyNumber ? "*"
                        : row.DetailMin == row.DetailMax ? $"{row.DetailMin}" : $"{row.DetailMin}–{row.DetailMax}");
            var advice = row.Advice switch
            {
                RetryAdvice.AnotherTransaction => "; tried at once in another transaction",
                RetryAdvice.Later => "; tried after an hour at the earliest",
                _ => "",
            };
            text.Append(CultureInfo.InvariantCulture,
                $"| {code} | {enhanced} | {Phases(row.Phases)} | {row.Text} | {row.Scope} | "
                + $"{(row.IsPermanent ? "yes" : "")} | {row.Reason}{advice} | {row.Source} |\n");
        }
        Golden.Matches("docs/reference/replies.md", text.ToString());
    }

    private static string Phases(ReplyClassifier.At at) => at switch
    {
        ReplyClassifier.At.Any => "any",
        ReplyClassifier.At.Opening => "connect, greeting, EHLO",
        ReplyClassifier.At.Envelope => "MAIL, RCPT, DATA, dot",
        ReplyClassifier.At.Body => "DATA, dot",
        ReplyClassifier.At.Mail | ReplyClassifier.At.Body => "MAIL, DATA, dot",
        ReplyClassifier.At.Rcpt | ReplyClassifier.At.Body => "RCPT, DATA, dot",
        ReplyClassifier.At.Tls => "STARTTLS",
        ReplyClassifier.At.FinalDot => "dot",
        _ => at.ToString().ToUpperInvariant(),
    };

    [Fact]
    public void No_row_is_hidden_behind_an_earlier_one()
    {
        var rows = ReplyClassifier.Rows;
        for (var later = 1; later < rows.Length; later++)
        {
            for (var earlier = 0; earlier < later; earlier++)
                Assert.False(Covers(rows[earlier], rows[later]), $"row {later} ({rows[later].Reason}) is never reached: "
                    + $"row {earlier} ({rows[earlier].Reason}) takes all of it");
        }

        static bool Covers(ReplyClassifier.Row a, ReplyClassifier.Row b) =>
            (a.Code == b.Code || a.Code == b.Code / 100) && (b.Phases & ~a.Phases) == 0
            && (a.Text is null || (b.Text?.Contains(a.Text, StringComparison.OrdinalIgnoreCase) ?? false))
            && (a.Subject == ReplyClassifier.AnyNumber || a.Subject == b.Subject)
            && (a.DetailMin == ReplyClassifier.AnyNumber
                || (b.DetailMin >= a.DetailMin && b.DetailMax <= a.DetailMax && b.DetailMin >= 0));
    }
}
