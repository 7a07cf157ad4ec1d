using System.Text;
using Holdfast.Mail;
using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;

namespace Holdfast.Tests.Mail.Receive;

public class ReceiveTransactionTests
{
    [Fact]
    public async Task A_message_is_stored_before_its_250_and_named_in_it()
    {
        await using var bench = await ReceiveBench.StartAsync();
        var client = await bench.ConnectAsync();
        await client.BeginDataAsync("ann@example.org", "bob@example.com");
        var reply = await client.SayAsync("Subject: hi\r\n\r\nbody\r\n.");
        var (envelope, content) = Assert.Single(bench.Spool.Messages);
        Assert.Equal($"250 2.0.0 Queued as {envelope.Id}", reply);
        Assert.Equal("ann@example.org", envelope.Sender);
        Assert.Equal("bob@example.com", Assert.Single(envelope.Recipients).Address);
        Assert.Equal("relay", envelope.Listener);
        Assert.Equal("127.0.0.1", envelope.ClientAddress);
        Assert.Equal("client.example.org", envelope.ClientHello);
        Assert.Equal("example.org", envelope.Tenant);
        Assert.Equal(content.Length, envelope.SizeBytes);
        Assert.Equal("Received: from client.example.org ([127.0.0.1])\r\n\tby mx.example.org (Holdfast) with ESMTP\r\n" +
            $"\tid {envelope.Id}\r\n\tfor <bob@example.com>;\r\n\tThu, 22 Jan 2026 17:45:00 +0000\r\n" +
            "Subject: hi\r\n\r\nbody\r\n", Encoding.ASCII.GetString(content));
        Assert.Equal("221 2.0.0 Bye", await client.SayAsync("QUIT"));
        var record = Assert.Single(bench.Evidence.Records, r => r.Kind == EvidenceKind.Accepted);
        Assert.Equal(envelope.Id.ToString(), record.MessageId);
        Assert.Null(record.Reason);
    }

    [Fact]
    public async Task Nothing_is_said_while_the_spool_has_not_answered()
    {
        await using var bench = await ReceiveBench.StartAsync();
        var stored = new TaskCompletionSource();
        bench.Spool.Gate = stored.Task;
        var client = await bench.ConnectAsync();
        await client.BeginDataAsync();
        await client.SendAsync("x\r\n.\r\n");
        var reply = client.ReadReplyAsync();
        while (Volatile.Read(ref bench.Spool.AppendsBegun) == 0)
            await Task.Yield();
        Assert.False(reply.IsCompleted);
        stored.SetResult();
        Assert.StartsWith("250 2.0.0 Queued", await reply, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData((int)AppendResult.OutOfSpace, "452 4.3.1")]
    [InlineData((int)AppendResult.Failed, "451 4.3.0")]
    [InlineData((int)AppendResult.TooBusy, "451 4.3.2")]
    public async Task What_the_spool_cannot_store_is_refused_for_now(int result, string reply)
    {
        await using var bench = await ReceiveBench.StartAsync();
        bench.Spool.Answer = (AppendResult)result;
        var client = await bench.ConnectAsync();
        await client.BeginDataAsync();
        await client.ExpectAsync(("x\r\n.", reply));
        Assert.Empty(bench.Spool.Messages);
        Assert.Contains(bench.Evidence.Records, r => r.Kind == EvidenceKind.Shed && r.Recipient == "b@example.com");
        bench.Spool.Answer = AppendResult.Stored;
        await client.ExpectAsync(("MAIL FROM:<a@example.org>", "250"), ("RCPT TO:<c@example.com>", "250"),
            ("DATA", "354"), ("x\r\n.", "250"));
        Assert.Equal(0, bench.Spool.DraftsOpen);
    }

    [Fact]
    public async Task A_fault_of_ours_while_storing_is_answered_and_not_a_cut_connection()
    {
        await using var bench = await ReceiveBench.StartAsync();
        bench.Spool.Gate = Task.FromException(new ObjectDisposedException("the log"));
        var client = await bench.ConnectAsync();
        await client.BeginDataAsync();
        await client.ExpectAsync(("x\r\n.", "451 4.3.0"), ("NOOP", "250"));
        Assert.Equal(0, bench.Spool.DraftsOpen);
    }

    [Fact]
    public async Task Parameters_of_mail_and_rcpt_reach_the_envelope()
    {
        await using var bench = await ReceiveBench.StartAsync();
        var client = await bench.ConnectAsync();
        await client.ExpectAsync(("EHLO c", "250-"),
            ("MAIL FROM:<> SIZE=10 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb", "250"),
            ("RCPT TO:<b@example.com> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@example.com", "250"), ("DATA", "354"),
            ("x\r\n.", "250"));
        var envelope = Assert.Single(bench.Spool.Messages).Envelope;
        Assert.Equal("", envelope.Sender);
        Assert.Equal(BodyKind.EightBitMime, envelope.Body);
        Assert.True(envelope.SmtpUtf8);
        Assert.Equal(DsnReturn.Headers, envelope.Return);
        Assert.Equal("a+b", envelope.EnvelopeId);
        Assert.Equal(new EnvelopeRecipient("b@example.com", DsnNotify.Success | DsnNotify.Delay, "rfc822;x@example.com"),
            Assert.Single(envelope.Recipients));
        Assert.Contains("with UTF8SMTP\r\n", Encoding.ASCII.GetString(bench.Spool.Messages.First().Content),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_goes_before_the_dot_leaves_nothing_behind()
    {
        await using var bench = await ReceiveBench.StartAsync();
        var client = await bench.ConnectAsync();
        await client.BeginDataAsync();
        await client.SendAsync("half a mess");
        client.Connection.Drop();
        await client.Connection.Disposed.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Empty(bench.Spool.Messages);
        Assert.Equal(0, bench.Spool.DraftsOpen);
    }

    [Fact]
    public async Task A_client_that_goes_during_the_append_does_not_cancel_it()
    {
        await using var bench = await ReceiveBench.StartAsync();
        var stored = new TaskCompletionSource();
        bench.Spool.Gate = stored.Task;
        var client = await bench.ConnectAsync();
        await client.BeginDataAsync();
        await client.SendAsync("x\r\n.\r\n");
        while (Volatile.Read(ref bench.Spool.AppendsBegun) == 0)
            await Task.Yield();
        client.Connection.Drop();
        stored.SetResult();
        await client.Connection.Disposed.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Single(bench.Spool.Messages);
        Assert.Equal("the client had gone before our 250",
            Assert.Single(bench.Evidence.Records, r => r.Kind == EvidenceKind.Accepted).Reason);
    }
}
