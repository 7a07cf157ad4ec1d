using Holdfast.Mail.Deliver;
using Holdfast.Sim.Reports;
using Holdfast.Sim.Runs;
using Holdfast.Sim.Scenarios;
using Holdfast.Tests.Sim.Runs;
using Holdfast.Traffic.Health;

namespace Holdfast.Tests.Sim.Delivery;

/// <summary>The simulator's mail is scheduled by Mail's own code: what only Mail's options explain shows in its runs.
/// </summary>
public class EdgeMailTests
{
    private const string Fast = """{ "count": 2, "concurrency": 10, "capacityPerSecond": 100 }""";

    [Fact]
    public void What_a_mailbox_refuses_for_now_waits_as_Mails_retry_options_say()
    {
        var run = Run("3m", """{ "backlog": 50 }""", """
            { "kind": "error", "at": "0", "for": "20s", "where": "site", "scope": "recipient", "phase": "rcpt",
              "text": "452 4.2.2 Mailbox full" }
            """);
        var options = new RetryOptions();
        var first = options.RetryDelayFirst * (1 - options.RetryJitter / 2);
        var last = options.RetryDelayFirst * (1 + options.RetryJitter / 2);
        Assert.Equal(50, Placed(run, 0, 20));
        Assert.Equal(0, Placed(run, 20, (int)first.TotalSeconds));
        Assert.Equal(50, Placed(run, (int)first.TotalSeconds, (int)last.TotalSeconds + 2));
        Assert.Equal(50, run.Totals.Served);
        Assert.Equal(100, run.Totals.Attempts);
    }

    [Fact]
    public void The_clock_of_what_waits_for_its_retry_stands_still_while_the_destination_is_closed()
    {
        // Two minutes dark, from before the retries are due; fresh mail of a higher priority finds the site closed.
        var run = Run("6m", """
            { "backlog": 50, "priority": 3, "deadline": "1h" },
            { "ratePerSecond": 2, "arrivals": "even", "priority": 2, "deadline": "1h" }
            """, """
            { "kind": "error", "at": "0", "for": "1s", "where": "site", "scope": "recipient", "phase": "rcpt",
              "text": "452 4.2.2 Mailbox full" },
            { "kind": "error", "at": "10s", "for": "2m", "where": "site", "scope": "site", "phase": "rcpt",
              "text": "451 4.3.2 Temporary server error" }
            """);
        var retries = run.Of(0, 3).Placed;
        Assert.Equal(50, retries[..2].Sum());
        // One may be the canary at a moment when nothing fresh waits.
        Assert.InRange(retries[2..165].Sum(), 0, 1);
        Assert.Equal(100, retries.Sum());
        Assert.Equal(50, run.Of(0, 3).Served.Sum());
    }

    [Fact]
    public void Mail_whose_final_reply_never_came_is_not_sent_again_before_ten_minutes()
    {
        // Fresh mail finds out that the site is back; before there is any, one or two of the eight are canaries.
        var run = Run("15m", """
            { "backlog": 8, "priority": 3, "deadline": "1h" },
            { "ratePerSecond": 1, "arrivals": "even", "priority": 2, "deadline": "1h",
              "shape": { "kind": "steps", "steps": [ { "at": "0s", "factor": 0 }, { "at": "1s", "factor": 1 } ] } }
            """, """
            { "kind": "down", "at": "700ms", "for": "5s", "where": "site" }
            """, """{ "concurrency": 20, "serviceTime": { "mean": "800ms", "sigma": 0 } }""");
        var options = new RetryOptions();
        var first = (int)(options.UnknownOutcomeDelay * (1 - options.RetryJitter / 2)).TotalSeconds;
        var placed = run.Of(0, 3).Placed;
        Assert.Equal(8, placed[0]);
        Assert.InRange(placed[1..first].Sum(), 0, 2);
        Assert.InRange(placed[first..(13 * 60)].Sum(), 6, 8);
        Assert.Equal(8, run.Of(0, 3).Served.Sum());
    }

    [Fact]
    public void Tenants_take_turns()
    {
        var run = Run("5m", """
            { "name": "many", "backlog": 1000, "priority": 2, "deadline": "1h" },
            { "name": "few", "backlog": 20, "priority": 2, "deadline": "20s" }
            """, "", """{ "concurrency": 1, "serviceTime": { "mean": "100ms", "sigma": 0 } }""");
        Assert.Equal(0, run.Totals.Late);
    }

    [Fact]
    public void Where_the_profile_asks_for_it_one_mailbox_gets_its_burst_and_then_its_rate()
    {
        var pace = new PaceOptions();
        var burst = pace.MailboxPerHour * pace.Margin * pace.BurstShare;
        var paced = Run("2m", """{ "backlog": 2000, "mailboxes": 1 }""", "", Fast,
            """, "profile": "exchangeOnline" """);
        Assert.InRange(Placed(paced, 0, 60), burst * 0.99, burst + 60);
        Assert.InRange(Placed(paced, 60, 120), 20, 60);
        var free = Run("2m", """{ "backlog": 2000, "mailboxes": 1 }""", "");
        Assert.Equal(2000, Placed(free, 0, 60));
    }

    [Fact]
    public void A_sender_gets_its_share_of_a_paced_mailbox_and_no_more()
    {
        var pace = new PaceOptions();
        var burst = pace.MailboxPerHour * pace.Margin * pace.PairShare * pace.BurstShare;
        var run = Run("1m", """{ "backlog": 2000, "mailboxes": 1, "senders": 1 }""", "", Fast,
            """, "profile": "exchangeOnline" """);
        Assert.InRange(Placed(run, 0, 60), burst * 0.99, burst + 20);
    }

    [Fact]
    public void Fresh_mail_goes_ahead_of_what_waited()
    {
        var run = Run("2m", """
            { "name": "waiting", "backlog": 5000, "priority": 2, "deadline": "1h" },
            { "name": "fresh", "ratePerSecond": 1, "arrivals": "even", "priority": 2, "deadline": "5s" }
            """, "", """{ "concurrency": 4, "capacityPerSecond": 20 }""");
        Assert.True(run.Totals.Unfinished > 2000);
        Assert.Equal(0, run.Totals.Late);
    }

    [Fact]
    public void A_message_that_offends_is_refused_at_every_try_and_is_nobodys_demand()
    {
        var run = Run("5m", """{ "ratePerSecond": 20, "arrivals": "even", "deadline": "60s" }""", """
            { "kind": "error", "at": "0", "for": "4m", "where": "site", "share": 0.2, "scope": "message",
              "phase": "finalDot", "text": "451 4.6.0 Not taken for now" }
            """);
        // A fifth, once at once and once a minute later; none of them gets through before the fault ends.
        var refused = Sum(run.Sites[0].Failed, 0, 48);
        Assert.InRange(refused / (20.0 * 48), 0.15, 0.25);
        Assert.InRange(Sum(run.Sites[0].Failed, 75, 123) / (20.0 * 48), 0.3, 0.5);
        var demand = run.World.Demands.Single().Arrivals[..170].Sum();
        Assert.Equal(demand, Sum(run.Of(0, 2).ServedOfArrived, 0, 170), 0.5);
    }

    [Fact]
    public void A_server_that_greets_when_it_is_free_is_left_by_what_waits_too_long()
    {
        const string Slow = """{ "count": 1, "concurrency": 1, "serviceTime": { "mean": "12s", "sigma": 0 } }""";
        var atOnce = Run("1m", """{ "backlog": 2 }""", "", Slow);
        var whenFree = Run("1m", """{ "backlog": 2 }""", "", Slow, """, "greets": "whenFree" """);
        Assert.Equal(2, atOnce.Totals.Attempts);
        Assert.True(whenFree.Totals.Attempts > 2);
        // Who left isn't served: no work is done for nobody.
        Assert.Equal(0, whenFree.Totals.Wasted);
    }

    [Fact]
    public void A_site_whose_final_replies_usually_take_longer_than_a_second_gets_all_its_mail()
    {
        var run = Run("3m", """{ "ratePerSecond": 20, "deadline": "30s" }""", "",
            """{ "count": 4, "concurrency": 15, "capacityPerSecond": 15, "serviceTime": { "sigma": 0.7 } }""");
        Assert.Equal(0, run.Totals.Late);
        Assert.InRange(run.Totals.Unfinished, 0, 60);
    }

    [Fact]
    public void A_jump_of_the_wall_clock_neither_hurries_nor_holds_mail()
    {
        const string Work = """{ "backlog": 50 }""";
        const string Full = """
            { "kind": "error", "at": "0", "for": "20s", "where": "site", "scope": "recipient", "phase": "rcpt",
              "text": "452 4.2.2 Mailbox full" }
            """;
        var plain = Run("3m", Work, Full);
        foreach (var by in (string[])["2h", "-2h"])
        {
            var stepped = Run("3m", Work, Full + $$"""
                , { "kind": "clockStep", "at": "30s", "where": "edge-1", "by": "{{by}}" }
                """);
            Assert.Equal(plain.Sites[0].Placed, stepped.Sites[0].Placed);
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_bytes_with_tenants_pace_and_faults()
    {
        RunRecord Once() => Run("3m", """
            { "name": "a", "backlog": 500, "mailboxes": 3, "tenants": 7, "deadline": "10m" },
            { "name": "b", "ratePerSecond": 30, "mailboxes": 20, "senders": 4, "deadline": "30s" }
            """, """
            { "kind": "down", "at": "20s", "for": "10s", "where": "site", "targets": 0.5 },
            { "kind": "blackHole", "at": "40s", "for": "20s", "where": "site", "share": 0.3 },
            { "kind": "pause", "at": "70s", "for": "3s", "where": "edge-1" },
            { "kind": "clockStep", "at": "90s", "for": "10s", "where": "edge-1", "by": "1h" }
            """, Fast, """, "profile": "exchangeOnline" """);
        Assert.Equal(Bytes(Once()), Bytes(Once()));
    }

    [Fact]
    public void Faults_of_mail_in_the_suite_say_in_their_words_what_scope_they_mean()
    {
        foreach (var file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "scenarios"), "*.json"))
        {
            var (scenario, _) = ScenarioReader.ReadFile(file);
            if (scenario is null || scenario.Services.All(s => s.Kind != ServiceKind.Mail))
                continue;
            foreach (var fault in scenario.Faults.Where(f => f.Kind == FaultKind.Error))
            {
                var reply = Simulation.ReplyOf(fault);
                Assert.NotNull(reply);
                var found = ReplyClassifier.Classify(fault.Phase ?? AttemptPhase.Rcpt, reply);
                Assert.True(found.Scope == fault.Scope, $"{file}: {fault.Text} is read as {found.Scope}");
            }
        }
    }

    private static RunRecord Run(string duration, string workloads, string faults, string targets = Fast,
        string service = "") => ScenarioText.Run($$"""
        {
          "name": "mail", "teaches": "for tests", "duration": "{{duration}}", "regions": ["na"],
          "services": [ { "name": "mail", "kind": "mail" {{service}} } ],
          "sites": [ { "name": "site", "region": "na", "declaredCapacity": 1000, "hasCanary": false, "targets": {{targets}} } ],
          "workloads": [ {{workloads}} ],
          "faults": [ {{faults}} ]
        }
        """, "holdfast", 3);

    private static int Placed(RunRecord run, int from, int to) => Sum(run.Sites[0].Placed, from, to);

    private static int Sum(int[] series, int from, int to) => series[from..to].Sum();

    private static byte[] Bytes(RunRecord run)
    {
        using var stream = new MemoryStream();
        RunJson.Write(stream, [run], null, [[]]);
        return stream.ToArray();
    }
}
