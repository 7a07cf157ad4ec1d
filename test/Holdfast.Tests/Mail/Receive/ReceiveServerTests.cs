using Holdfast.Mail.Receive;

namespace Holdfast.Tests.Mail.Receive;

public class ReceiveServerTests
{
    [Fact]
    public async Task A_drain_tells_idle_clients_421_and_lets_transactions_finish()
    {
        await using var bench = await ReceiveBench.StartAsync();
        var idle = await bench.ConnectAsync();
        var busy = await bench.ConnectAsync();
        await busy.BeginDataAsync();
        var drain = bench.Server.DrainAsync(CancellationToken.None);
        Assert.StartsWith("421 4.3.2", await idle.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.False(drain.IsCompleted);
        await busy.ExpectAsync(("x\r\n.", "250 2.0.0 Queued"));
        Assert.StartsWith("421 4.3.2", await busy.ReadReplyAsync(), StringComparison.Ordinal);
        await drain.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Equal(0, bench.Listeners.Bound);
        Assert.Equal(0, bench.Server.Status().Sessions);
    }

    [Fact]
    public async Task An_abort_cuts_what_a_drain_waits_for_but_no_append()
    {
        await using var bench = await ReceiveBench.StartAsync();
        var waiting = await bench.ConnectAsync();
        await waiting.BeginDataAsync();
        var stored = new TaskCompletionSource();
        bench.Spool.Gate = stored.Task;
        var storing = await bench.ConnectAsync();
        await storing.BeginDataAsync();
        await storing.SendAsync("x\r\n.\r\n");
        while (Volatile.Read(ref bench.Spool.AppendsBegun) == 0)
            await Task.Yield();
        using var abort = new CancellationTokenSource();
        var drain = bench.Server.DrainAsync(abort.Token);
        await abort.CancelAsync();
        await waiting.Connection.Disposed;
        Assert.True(waiting.Connection.WasAborted);
        Assert.False(drain.IsCompleted);
        stored.SetResult();
        await drain.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Single(bench.Spool.Messages);
    }

    [Fact]
    public async Task A_slow_sender_is_told_421_when_the_drain_has_taken_long_enough()
    {
        await using var bench = await ReceiveBench.StartAsync(o => o.DrainTimeout = TimeSpan.FromSeconds(10));
        var sending = await bench.ConnectAsync();
        await sending.BeginDataAsync();
        var silent = await bench.ConnectAsync();
        await silent.ExpectAsync(("EHLO a", "250"), ("MAIL FROM:<a@example.org>", "250"));
        var drain = bench.Server.DrainAsync(CancellationToken.None);
        for (var second = 1; second < 10; second++)
        {
            await sending.SendAsync("a line\r\n");
            await bench.UntilWaitingAsync();
            await bench.AdvanceAsync(TimeSpan.FromSeconds(1));
        }
        await bench.UntilWaitingAsync();
        Assert.Equal(2, bench.Server.Status().Sessions);
        await bench.AdvanceAsync(TimeSpan.FromSeconds(1));
        Assert.StartsWith("421 4.3.2", await sending.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.StartsWith("421 4.3.2", await silent.ReadReplyAsync(), StringComparison.Ordinal);
        await drain.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Equal(0, bench.Server.Status().Sessions);
        Assert.Empty(bench.Spool.Messages);
        Assert.Single(bench.Log, l => l.Contains("2 sessions were still at a message", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_client_that_does_not_end_by_itself_is_cut_soon_after_the_drains_deadline()
    {
        await using var bench = await ReceiveBench.StartAsync(o => o.DrainTimeout = TimeSpan.FromSeconds(10));
        var stored = new TaskCompletionSource();
        bench.Spool.Gate = stored.Task;
        var storing = await bench.ConnectAsync();
        await storing.BeginDataAsync();
        await storing.SendAsync("x\r\n.\r\n");
        while (Volatile.Read(ref bench.Spool.AppendsBegun) == 0)
            await Task.Yield();
        var drain = bench.Server.DrainAsync(CancellationToken.None);
        bench.Time.Advance(TimeSpan.FromSeconds(12.9));
        Assert.False(storing.Connection.Disposed.IsCompleted);
        Assert.False(storing.Connection.WasAborted);
        bench.Time.Advance(TimeSpan.FromSeconds(0.1));
        while (!storing.Connection.WasAborted)
            await Task.Yield();
        // What is being stored is never broken off.
        Assert.False(drain.IsCompleted);
        stored.SetResult();
        await drain.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Single(bench.Spool.Messages);
    }

    [Fact]
    public async Task A_reload_opens_and_closes_listeners_and_leaves_the_others_alone()
    {
        await using var bench = await ReceiveBench.StartAsync();
        var stays = await bench.ConnectAsync();
        var goes = await bench.ConnectAsync(ReceiveBench.Inbound, "198.51.100.1");
        var options = ReceiveBench.DefaultOptions();
        options.Listeners =
        [
            options.Listeners[0],
            new ListenerOptions { Name = "new", Endpoint = "192.0.2.9:25", Domains = ["example.net"] },
        ];
        options.Listeners[0].Priority = 1;
        bench.Monitor.Change(options);
        var farewell = goes.ReadReplyAsync();
        for (var i = 0; i < 100 && !farewell.IsCompleted; i++)
        {
            bench.Time.Advance(TimeSpan.FromSeconds(1));
            await bench.UntilWaitingAsync();
        }
        Assert.StartsWith("421 4.3.2", await farewell, StringComparison.Ordinal);
        // The old listener's farewell comes before the reload has ended.
        for (var i = 0; i < 10_000 && bench.Server.Status().Listeners.All(l => l.Name != "new"); i++)
        {
            bench.Time.Advance(TimeSpan.FromMilliseconds(100));
            await bench.UntilWaitingAsync();
        }
        await bench.ConnectAsync("192.0.2.9:25", "198.51.100.1");
        await stays.BeginDataAsync();
        await stays.ExpectAsync(("x\r\n.", "250"));
        Assert.Equal(1, Assert.Single(bench.Spool.Messages).Envelope.Priority);
        Assert.Equal(["relay", "new"], bench.Server.Status().Listeners.Select(l => l.Name));
    }

    [Fact]
    public async Task An_endpoint_that_is_taken_fails_the_start_but_not_a_reload_and_is_tried_again()
    {
        var bench = new ReceiveBench();
        await using var _ = bench;
        bench.Listeners.Taken.Add(ReceiveBench.Relay);
        var fault = await Assert.ThrowsAsync<IOException>(() => bench.Server.StartAsync(CancellationToken.None));
        Assert.Contains("relay", fault.Message, StringComparison.Ordinal);
        Assert.Contains(bench.Server.Status().Listeners, l => l is { Name: "relay", IsBound: false, Fault: not null });
        bench.Listeners.Taken.Clear();
        await bench.Server.ReloadAsync(TestContext.Current.CancellationToken);
        await bench.ConnectAsync();
    }

    [Fact]
    public async Task That_no_new_mail_is_taken_is_logged_once()
    {
        var bench = await ReceiveBench.StartAsync();
        await bench.Server.DrainAsync(CancellationToken.None);
        await bench.DisposeAsync();
        Assert.Single(bench.Log, l => l.StartsWith("No new mail is taken", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Files_that_no_listener_names_any_more_are_not_looked_at()
    {
        await using var bench = new ReceiveBench(o => o.Listeners[1].RecipientsFile = "recipients");
        bench.Files["recipients"] = "ann@example.org";
        await bench.Server.StartAsync(TestContext.Current.CancellationToken);
        bench.Monitor.Change(ReceiveBench.DefaultOptions());
        await bench.Server.ReloadAsync(TestContext.Current.CancellationToken);
        bench.Files.Looks.Clear();
        await bench.Server.ReloadAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["users"], bench.Files.Looks.Distinct());
    }
}
