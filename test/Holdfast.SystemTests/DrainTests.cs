using System.Diagnostics;
using Holdfast.SystemTests.Harness;

namespace Holdfast.SystemTests;

/// <summary>Stops that take long, and the second signal that ends them.</summary>
public class DrainTests
{
    /// <summary>A sender in the middle of its data.</summary>
    private static async Task<RawClient> HalfAMessageAsync(Gateway gateway)
    {
        var slow = await RawClient.ConnectAsync(gateway.SmtpPort);
        await slow.SayAsync("EHLO slow.test\r\n");
        await slow.SayAsync("MAIL FROM:<a@example.org>\r\n");
        await slow.SayAsync("RCPT TO:<b@example.net>\r\n");
        Assert.StartsWith("354", await slow.SayAsync("DATA\r\n"), StringComparison.Ordinal);
        await slow.SendAsync("X-Marker: half\r\n\r\nhalf a mess"u8.ToArray());
        return slow;
    }

    [Fact]
    public async Task A_second_signal_that_only_breaks_a_session_off_is_told_by_the_exit_code()
    {
        await using var gateway = new Gateway(new Workspace());
        gateway.Configure(gateway.TwoSites());
        await gateway.StartAsync();
        using var slow = await HalfAMessageAsync(gateway);
        gateway.Signal("TERM");
        await Eventually.HoldsAsync(() => gateway.Log.Contains("1 sessions finish", StringComparison.Ordinal),
            TimeSpan.FromSeconds(20), () => gateway.Log);
        Assert.Equal(8, await gateway.StopAsync());
    }

    [Fact]
    public async Task A_second_signal_ends_a_long_drain_at_once_and_loses_nothing()
    {
        var workspace = new Workspace();
        await using var gateway = new Gateway(workspace);
        // No final reply will come, and the drain would wait for it this long.
        gateway.Configure(gateway.TwoSites(mail: """ "Deliver": { "DrainTimeout": "5m" }, """));
        await using var na = new ScriptedTarget(gateway.HomePort, Mood.SilentAfterDot);
        await gateway.StartAsync();
        var sender = new MarkedSender(gateway.SmtpPort, "drain");
        await sender.RunAsync(5, default);
        Assert.Equal(5, sender.AcknowledgedCount);
        await Eventually.HoldsAsync(() => na.DeliveredCount > 0, TimeSpan.FromSeconds(20), () => gateway.Log);
        // A sender in the middle of its data, which the drain also lets finish.
        using var slow = await HalfAMessageAsync(gateway);

        gateway.Signal("TERM");
        await Task.Delay(TimeSpan.FromSeconds(2), TimeProvider.System);
        Assert.False(gateway.HasExited, "the first signal didn't wait\n" + gateway.Log);
        Assert.Contains("Draining; a second signal stops now", gateway.Log, StringComparison.Ordinal);
        var watch = Stopwatch.StartNew();
        var code = await gateway.StopAsync();
        Assert.Equal(8, code);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(3), $"the second signal took {watch.Elapsed}\n{gateway.Log}");
        Assert.DoesNotContain("Unhandled", gateway.Log, StringComparison.Ordinal);
        Assert.Equal(RawClient.Closed, await slow.ReplyAsync());

        na.Mood = Mood.Healthy;
        await gateway.StartAsync();
        // Attempts that still noted that their outcome is unknown wait longer than this test; those that the stop overtook
        // are tried at the start, and may be gone before the command asks: then it says that nothing matched.
        var (retried, said) = await gateway.CommandAsync("queue", "retry", "--all", "--yes");
        Assert.True(retried is 0 or 5, $"{retried}: {said}\n{gateway.Log}");
        await Eventually.HoldsAsync(async () => await gateway.WaitingAsync() == 0, TimeSpan.FromSeconds(60),
            () => $"{retried}: {said}\n{gateway.Log}");
        Assert.All(sender.Acknowledged, m => Assert.Equal(2, na.Copies(m)));
        Assert.False(na.Has("half"));
        Assert.Equal(0, await gateway.StopAsync());
    }
}
