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

    [Fact]
    public void A_web_service_is_told_in_a_line_with_what_fails_beside_traffic()
    {
        var output = new StringWriter();
        StatusCommand.Write(output, new StatusView("0.1.0", "h.example", At, "ready", null, "(embedded)", null, [], [])
        {
            Web = [new("store", 3, 0.125, false, new(5, 40, 1), [new("web-na", "192.0.2.1:80", "failed",
                "probe: status 503", At, 0.1), new("web-na", "192.0.2.2:80", "passed", "", At, 0.1)],
                [new("web-na", null, "passed", "", At, 0.2)]), new("api", 0, 0, true, null, [], [])],
        });
        Assert.Contains("web service store: waiting 3; shed 12.5 %; probes 1 of 2 pass (not 192.0.2.1:80: probe: status "
            + "503); canaries 1 of 1 pass; sessions: 5 bound, 40 kept, 1 moved\n", output.ToString(),
            StringComparison.Ordinal);
        Assert.Contains("web service api: waiting 0; every site closed\n", output.ToString(), StringComparison.Ordinal);
    }
}
