using Holdfast.Mail.Receive;
using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;

namespace Holdfast.Tests.Mail.Receive;

public class ReceivePolicyTests
{
    private const string Stranger = "198.51.100.7";

    [Theory]
    [InlineData("x@elsewhere.example")]
    [InlineData("x%elsewhere.example@example.org")]
    [InlineData("elsewhere.example!x@example.org")]
    [InlineData("\"x@elsewhere.example\"@example.org")]
    [InlineData("@example.org:x@elsewhere.example")]
    [InlineData("x@[192.0.2.1]")]
    [InlineData("x@sub.example.org")]
    [InlineData("x@notexample.org")]
    public async Task An_inbound_listener_relays_for_nobody(string recipient)
    {
        await using var bench = await ReceiveBench.StartAsync(o => o.Listeners[1].Domains = ["example.org"]);
        var client = await bench.ConnectAsync(ReceiveBench.Inbound, Stranger);
        await client.ExpectAsync(("EHLO c", "250-"), ("MAIL FROM:<a@example.org>", "250"),
            ($"RCPT TO:<{recipient}>", "550 5.7.1"), ("DATA", "554"));
        var record = Assert.Single(bench.Evidence.Records, r => r.Kind == EvidenceKind.Refused);
        Assert.Equal(Stranger, record.Remote);
        Assert.Equal("550 5.7.1 Relaying denied", record.Reply);
    }

    [Fact]
    public async Task An_inbound_listener_takes_our_domains_and_their_listed_subdomains()
    {
        await using var bench = await ReceiveBench.StartAsync();
        var client = await bench.ConnectAsync(ReceiveBench.Inbound, Stranger);
        await client.ExpectAsync(("EHLO c", "250-"), ("MAIL FROM:<>", "250"), ("RCPT TO:<x@EXAMPLE.org>", "250"),
            ("RCPT TO:<x@a.b.sub.example.org>", "250"), ("RCPT TO:<Postmaster>", "250"), ("DATA", "354"), ("x\r\n.", "250"));
        Assert.Equal(["x@example.org", "x@a.b.sub.example.org", "postmaster@example.org"],
            Assert.Single(bench.Spool.Messages).Envelope.Recipients.Select(r => r.Address));
    }

    [Fact]
    public async Task Recipients_are_checked_against_the_directory_whose_last_good_copy_serves_on()
    {
        var bench = new ReceiveBench(o => o.Listeners[1].RecipientsFile = "recipients");
        await using var _ = bench;
        await bench.Server.StartAsync(TestContext.Current.CancellationToken);
        var client = await bench.ConnectAsync(ReceiveBench.Inbound, Stranger);
        await client.ExpectAsync(("EHLO c", "250-"), ("MAIL FROM:<a@b.example>", "250"),
            ("RCPT TO:<ann@example.org>", "451 4.3.0"), ("RCPT TO:<postmaster@example.org>", "250"));
        bench.Files["recipients"] = "# valid\nann@example.org\nbob@example.org\n@a.sub.example.org\n";
        await bench.Server.ReloadAsync(TestContext.Current.CancellationToken);
        var exchange = new[]
        {
            ("RCPT TO:<Ann@example.org>", "250"), ("RCPT TO:<ann+tag@example.org>", "250"),
            ("RCPT TO:<eve@example.org>", "550 5.1.1"), ("RCPT TO:<any@a.sub.example.org>", "250"),
        };
        await client.ExpectAsync(exchange);
        bench.Files.Remove("recipients");
        await bench.Server.ReloadAsync(TestContext.Current.CancellationToken);
        await client.ExpectAsync(exchange);
        // Half written: not believed at the first look, believed at the second.
        bench.Files["recipients"] = "ann@example.org\n";
        await bench.Server.ReloadAsync(TestContext.Current.CancellationToken);
        await client.ExpectAsync(("RCPT TO:<bob@example.org>", "250"));
        await bench.Server.ReloadAsync(TestContext.Current.CancellationToken);
        await client.ExpectAsync(("RCPT TO:<bob@example.org>", "550 5.1.1"));
        bench.Files["recipients"] = "not an address\n";
        await bench.Server.ReloadAsync(TestContext.Current.CancellationToken);
        await client.ExpectAsync(("RCPT TO:<ann@example.org>", "250"));
    }

    [Theory]
    [InlineData((int)SpoolPressure.Elevated, 3, "250")]
    [InlineData((int)SpoolPressure.Elevated, 4, "451 4.3.2")]
    [InlineData((int)SpoolPressure.High, 0, "250")]
    [InlineData((int)SpoolPressure.High, 1, "451 4.3.2")]
    [InlineData((int)SpoolPressure.OutOfSpace, 0, "452 4.3.1")]
    [InlineData((int)SpoolPressure.Failed, 0, "451 4.3.0")]
    public async Task Under_pressure_mail_is_shed_by_priority_before_data(int pressure, int priority, string reply)
    {
        await using var bench = await ReceiveBench.StartAsync(o => o.Listeners[0].Priority = priority);
        bench.Spool.Pressure = (SpoolPressure)pressure;
        var client = await bench.ConnectAsync();
        await client.ExpectAsync(("EHLO c", "250-"), ("MAIL FROM:<a@example.org>", reply));
        Assert.Equal(reply[0] == '2' ? 0 : 1, bench.Evidence.Records.Count(r => r.Kind == EvidenceKind.Shed));
    }

    [Fact]
    public async Task Pressure_that_comes_up_between_mail_and_data_sheds_too()
    {
        await using var bench = await ReceiveBench.StartAsync();
        var client = await bench.ConnectAsync();
        await client.ExpectAsync(("EHLO c", "250-"), ("MAIL FROM:<a@example.org>", "250"),
            ("RCPT TO:<b@example.com>", "250"));
        bench.Spool.Pressure = SpoolPressure.High;
        await client.ExpectAsync(("RCPT TO:<c@example.com>", "451 4.3.2"), ("DATA", "451 4.3.2"));
        await client.SendAsync("BDAT 4 LAST\r\nx\r\nyNOOP\r\n");
        Assert.StartsWith("451 4.3.2", await client.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.StartsWith("250", await client.ReadReplyAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(9, 0)]
    [InlineData(6, 0)]
    [InlineData(5, 1)]
    [InlineData(4, 1)]
    [InlineData(3, 2)]
    [InlineData(1, 2)]
    [InlineData(0, 3)]
    [InlineData(-1, 4)]
    [InlineData(-4, 4)]
    [InlineData(-5, 5)]
    [InlineData(-9, 5)]
    public async Task Mt_priority_of_trusted_peers_is_mapped_to_our_classes(int theirs, int ours)
    {
        await using var bench = await ReceiveBench.StartAsync(o => o.Listeners[0].MtPriorityFrom = ["127.0.0.1"]);
        var client = await bench.ConnectAsync();
        await client.ExpectAsync(("EHLO c", "250-"), ($"MAIL FROM:<a@example.org> MT-PRIORITY={theirs}", "250"),
            ("RCPT TO:<b@example.com>", "250"), ("DATA", "354"), ("x\r\n.", "250"));
        Assert.Equal(ours, Assert.Single(bench.Spool.Messages).Envelope.Priority);
        client = await bench.ConnectAsync(ReceiveBench.Relay, "127.0.0.2");
        await client.ExpectAsync(("EHLO c", "250-"), ("MAIL FROM:<a@example.org> MT-PRIORITY=9", "555"));
    }

    [Fact]
    public async Task A_rule_for_a_recipients_domain_decides_at_rcpt_under_pressure()
    {
        await using var bench = await ReceiveBench.StartAsync(o => o.PriorityRules =
        [
            new PriorityRuleOptions { RecipientDomain = "urgent.example", Priority = 0 },
            new PriorityRuleOptions { SenderDomain = "bulk.example", Priority = 5 },
        ]);
        bench.Spool.Pressure = SpoolPressure.High;
        var client = await bench.ConnectAsync();
        await client.ExpectAsync(("EHLO c", "250-"), ("MAIL FROM:<a@bulk.example>", "250"),
            ("RCPT TO:<b@example.com>", "451 4.3.2"), ("RCPT TO:<b@urgent.example>", "250"), ("DATA", "354"),
            ("x\r\n.", "250"));
        Assert.Equal(0, Assert.Single(bench.Spool.Messages).Envelope.Priority);
        bench.Spool.Pressure = SpoolPressure.None;
        await client.ExpectAsync(("MAIL FROM:<a@bulk.example>", "250"), ("RCPT TO:<b@example.com>", "250"),
            ("DATA", "354"), ("x\r\n.", "250"));
        Assert.Equal(5, bench.Spool.Messages.Last().Envelope.Priority);
    }
}
