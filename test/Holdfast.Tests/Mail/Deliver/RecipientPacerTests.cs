using CsCheck;
using Holdfast.Mail.Deliver;

namespace Holdfast.Tests.Mail.Deliver;

public class RecipientPacerTests
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    /// <summary>Sends as fast as the pacer lets it and returns the times of what went.</summary>
    private static List<TimeSpan> SendAll(RecipientPacer pacer, Func<int, string> sender, TimeSpan during)
    {
        var random = new Random(1);
        var sent = new List<TimeSpan>();
        var now = TimeSpan.Zero;
        for (var n = 0; now < during; n++)
        {
            var wait = pacer.TryTake(sender(n), "box@example.com", now, random);
            if (wait > TimeSpan.Zero)
                now += wait;
            else
                sent.Add(now);
        }
        return sent;
    }

    private static int BusiestHour(List<TimeSpan> times)
    {
        var (most, first) = (0, 0);
        for (var last = 0; last < times.Count; last++)
        {
            while (times[last] - times[first] >= Hour)
                first++;
            most = Math.Max(most, last - first + 1);
        }
        return most;
    }

    [Fact]
    public void A_mailbox_never_gets_more_in_any_hour_than_the_margin_allows_and_nearly_that()
    {
        var times = SendAll(new RecipientPacer(new PaceOptions()), n => $"s{n % 50}@example.org", 5 * Hour);
        Assert.InRange(BusiestHour(times), 2_600, 2_880);
    }

    [Fact]
    public void One_sender_gets_a_third_of_it()
    {
        var times = SendAll(new RecipientPacer(new PaceOptions()), _ => "one@example.org", 5 * Hour);
        Assert.InRange(BusiestHour(times), 850, 950);
    }

    [Fact]
    public void No_hour_is_over_the_limit_whatever_the_options_and_times()
    {
        Gen.Select(Gen.Int[10, 5_000], Gen.Double[0.01, 1], Gen.Double[0.1, 1], Gen.Double[0.01, 0.9], Gen.Int)
            .Sample((limit, share, margin, burst, seed) =>
            {
                var pacer = new RecipientPacer(new PaceOptions
                {
                    MailboxPerHour = limit, PairShare = share, Margin = margin, BurstShare = burst, EntriesMax = 1_024,
                });
                var random = new Random(seed);
                var (now, sent) = (TimeSpan.Zero, new List<TimeSpan>());
                for (var i = 0; i < 300; i++)
                {
                    if (pacer.TryTake("a@example.org", "b@example.org", now, random) == TimeSpan.Zero)
                        sent.Add(now);
                    now += TimeSpan.FromSeconds(random.NextDouble() * random.Next(1, 300));
                }
                Assert.True(BusiestHour(sent) <= Math.Max(1, limit * margin * share) + 1);
            }, iter: 200);
    }

    [Fact]
    public void Waiters_are_told_a_time_at_which_they_may_go()
    {
        var pacer = new RecipientPacer(new PaceOptions { MailboxPerHour = 10 });
        var random = new Random(1);
        var now = TimeSpan.Zero;
        TimeSpan wait;
        while ((wait = pacer.TryTake("a", "b", now, random)) == TimeSpan.Zero)
        {
        }
        Assert.Equal(TimeSpan.Zero, pacer.TryTake("a", "b", now + wait, random));
    }

    [Fact]
    public void A_full_table_errs_by_waiting_and_never_over_the_limit()
    {
        var pacer = new RecipientPacer(new PaceOptions { MailboxPerHour = 20, EntriesMax = 1_024, Margin = 1 });
        var random = new Random(3);
        var sent = new Dictionary<int, int>();
        for (var i = 0; i < 200_000; i++)
        {
            var box = random.Next(5_000);
            if (pacer.TryTake($"s{i}", $"box{box}", TimeSpan.Zero, random) == TimeSpan.Zero)
                sent[box] = sent.GetValueOrDefault(box) + 1;
        }
        Assert.True(sent.Values.Max() <= 20);
    }

    [Fact]
    public void What_is_given_back_may_be_used_again()
    {
        var pacer = new RecipientPacer(new PaceOptions { MailboxPerHour = 10 });
        var random = new Random(1);
        while (pacer.TryTake("a", "b", TimeSpan.Zero, random) == TimeSpan.Zero)
        {
        }
        pacer.GiveBack("a", "b", TimeSpan.Zero);
        Assert.Equal(TimeSpan.Zero, pacer.TryTake("a", "B", TimeSpan.Zero, random));
    }
}
