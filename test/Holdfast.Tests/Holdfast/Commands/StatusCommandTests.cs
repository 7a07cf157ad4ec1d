using Holdfast.Commands;
using Holdfast.Operator;

namespace Holdfast.Tests.Commands;

public class StatusCommandTests
{
    private static readonly DateTimeOffset At = new(2026, 1, 22, 17, 45, 0, TimeSpan.Zero);

    private static string Write(string siteState, string targetState, string targetEvidence, long waiting = 2)
    {
        var target = new TargetView("127.0.0.1:2601", new(targetState, At, targetEvidence), 0, 18, 0, 0,
            At.AddSeconds(5));
        var site = new SiteView("mail", "mail-na", "na", true, new(siteState, At, "refused"), 100, 0, 1, 0, [target], 1,
            0, 18, 100, 0, []);
        var mail = new MailStatusView(waiting, 844, 0, 0, 5, "None", 0, 0, 0, 0, 1 << 30);
        var output = new StringWriter();
        StatusCommand.Write(output, new StatusView("0.1.0", "h.example", At, "ready", null, "(embedded)", mail, [site],
            []));
        return output.ToString();
    }

    private static string TargetLine(string text) =>
        text.Split('\n').First(l => l.Contains("127.0.0.1:2601", StringComparison.Ordinal)).TrimEnd();

    [Theory]
    [InlineData("", "next canary 2026-01-22 17:45:05Z")]
    [InlineData("3 of 3 failed", "next canary 2026-01-22 17:45:05Z; 3 of 3 failed")]
    public void The_next_canary_of_a_target_stands_before_its_evidence_if_there_is_any(string evidence, string words) =>
        Assert.EndsWith("  " + words, TargetLine(Write("Healthy", "Closed", evidence)), StringComparison.Ordinal);

    [Fact]
    public void A_target_of_a_closed_site_is_not_called_healthy()
    {
        var line = TargetLine(Write("Closed", "Healthy", ""));
        Assert.DoesNotContain("Healthy", line, StringComparison.Ordinal);
        Assert.EndsWith("closed with its site; next canary 2026-01-22 17:45:05Z", line, StringComparison.Ordinal);
        Assert.Contains("Healthy", TargetLine(Write("Degraded", "Healthy", "")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, "waiting 1 message (")]
    [InlineData(2, "waiting 2 messages (")]
    public void One_message_is_not_messages(long waiting, string words) =>
        Assert.Contains(words, Write("Healthy", "Healthy", "", waiting), StringComparison.Ordinal);
}
