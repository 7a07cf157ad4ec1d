using System.Collections.Concurrent;
using System.Text;
using Holdfast.Mail.Receive;
using Holdfast.Mail.Spool;

namespace Holdfast.Tests.Mail.Receive;

/// <summary>Mail to a probe's address ends with us and never meets users' mail.</summary>
public class ProbeAddressTests
{
    private const string Probe = "probe@example.org";

    private sealed class Probes : IProbeAddresses
    {
        public ConcurrentQueue<byte[]> Heads { get; } = new();
        public bool Contains(ReadOnlySpan<char> address) => address.Equals(Probe, StringComparison.OrdinalIgnoreCase);
        public void Arrived(ReadOnlySpan<byte> head) => Heads.Enqueue(head.ToArray());
    }

    private static async Task<(ReceiveBench Bench, Probes Probes)> StartAsync()
    {
        var bench = new ReceiveBench(o => o.Listeners[1].RecipientsFile = "recipients");
        bench.Files["recipients"] = "ann@example.org";
        var probes = new Probes();
        bench.Server.Probes = probes;
        await bench.Server.StartAsync(TestContext.Current.CancellationToken);
        return (bench, probes);
    }

    [Fact]
    public async Task An_answer_is_taken_and_kept_nowhere_though_no_list_names_its_recipient()
    {
        var (bench, probes) = await StartAsync();
        await using var _ = bench;
        var client = await bench.ConnectAsync(ReceiveBench.Inbound, "198.51.100.7");
        await client.ExpectAsync(("EHLO c", "250-"), ("MAIL FROM:<>", "250"), ("RCPT TO:<Probe@example.org>", "250"),
            ("DATA", "354"), ("Subject: Re: hfc-1\r\n\r\n" + new string('x', 300) + "\r\n.", "250 2.0.0 Taken"),
            ("MAIL FROM:<a@example.net>", "250"), ("RCPT TO:<nobody@example.org>", "550 5.1.1"),
            ("RCPT TO:<ann@example.org>", "250"), ("DATA", "354"), ("x\r\n.", "250 2.0.0 Queued"));
        Assert.Contains("Subject: Re: hfc-1", Encoding.ASCII.GetString(Assert.Single(probes.Heads)),
            StringComparison.Ordinal);
        Assert.Equal("ann@example.org", Assert.Single(Assert.Single(bench.Spool.Messages).Envelope.Recipients).Address);
        Assert.Equal(0, bench.Spool.DraftsOpen);
    }

    [Fact]
    public async Task An_answer_in_chunks_is_taken_too()
    {
        var (bench, probes) = await StartAsync();
        await using var _ = bench;
        var client = await bench.ConnectAsync();
        await client.ExpectAsync(("EHLO c", "250-"), ("MAIL FROM:<>", "250"), ($"RCPT TO:<{Probe}>", "250"));
        await client.SendAsync("BDAT 16\r\nSubject: hfc-1\r\n");
        Assert.StartsWith("250", await client.ReadReplyAsync(), StringComparison.Ordinal);
        await client.SendAsync("BDAT 2 LAST\r\n\r\n");
        Assert.StartsWith("250 2.0.0 Taken", await client.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.Single(probes.Heads);
        Assert.Empty(bench.Spool.Messages);
    }

    [Fact]
    public async Task A_probes_address_has_its_message_for_itself()
    {
        var (bench, probes) = await StartAsync();
        await using var _ = bench;
        var client = await bench.ConnectAsync();
        await client.ExpectAsync(("EHLO c", "250-"), ("MAIL FROM:<a@example.org>", "250"),
            ("RCPT TO:<b@example.com>", "250"), ($"RCPT TO:<{Probe}>", "452 4.5.3"), ("RSET", "250"),
            ("MAIL FROM:<a@example.org>", "250"), ($"RCPT TO:<{Probe}>", "250"), ("RCPT TO:<b@example.com>", "452 4.5.3"),
            ($"RCPT TO:<{Probe}>", "452 4.5.3"), ("DATA", "354"), ("x\r\n.", "250 2.0.0 Taken"));
        Assert.Empty(bench.Spool.Messages);
        Assert.Single(probes.Heads);
    }

    [Fact]
    public async Task Pressure_holds_no_answer_up_at_data_and_submission_knows_no_probes()
    {
        var (bench, probes) = await StartAsync();
        await using var _ = bench;
        var client = await bench.ConnectAsync();
        await client.ExpectAsync(("EHLO c", "250-"), ("MAIL FROM:<a@example.org>", "250"), ($"RCPT TO:<{Probe}>", "250"));
        bench.Spool.Pressure = SpoolPressure.High;
        await client.ExpectAsync(("DATA", "354"), ("x\r\n.", "250 2.0.0 Taken"));
        Assert.Single(probes.Heads);
        bench.Spool.Pressure = SpoolPressure.None;
        var submitter = await bench.ConnectAsync(ReceiveBench.Submission);
        await submitter.ExpectAsync(("EHLO c", "250-"), ("MAIL FROM:<a@example.org>", "530"));
    }

    [Fact]
    public void Of_a_large_message_64_KiB_are_kept()
    {
        var draft = new ProbeDraft();
        var piece = new byte[1000];
        for (var i = 0; i < 1000; i++)
        {
            piece.CopyTo(draft.GetSpan(1000));
            draft.Advance(1000);
        }
        Assert.Equal(1_000_000, draft.Length);
        Assert.InRange(draft.Head.Length, ProbeDraft.HeadMax - 1000, ProbeDraft.HeadMax);
    }
}
