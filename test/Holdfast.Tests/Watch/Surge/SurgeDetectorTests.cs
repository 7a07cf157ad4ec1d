using Holdfast.Watch.Surge;

namespace Holdfast.Tests.Watch.Surge;

public class SurgeDetectorTests
{
    private static readonly TimeSpan s_five = TimeSpan.FromMinutes(5);

    [Theory]
    [InlineData(60)]
    [InlineData(300)]
    [InlineData(1800)]
    public void Months_of_seasonal_strayed_counts_raise_nearly_nothing(int binSeconds)
    {
        var alarms = 0;
        var months = 0;
        foreach (var mean in new[] { 0.05, 0.5, 5, 50, 500 })
        {
            foreach (var (alpha, swing, growth) in new[] { (0.1, 1, 0.0), (0.3, 1, 0.0), (0.3, 0.3, 0.02), (0.6, 1, 0.0) })
            {
                var source = new CountSource(TimeSpan.FromSeconds(binSeconds), mean, alpha)
                {
                    DaySwing = swing, GrowthADay = growth,
                };
                alarms += Run(source.Make(1, binSeconds == 60 ? 15 : 60)).Count;
                months += binSeconds == 60 ? 1 : 4;
            }
        }
        TestContext.Current.TestOutputHelper!.WriteLine($"{alarms} false alarms in {months / 2.0} series-months");
        Assert.True(alarms <= 2, $"{alarms} false alarms in {months / 2.0} series-months");
    }

    [Theory]
    [InlineData(5, 0.1, 5)]
    [InlineData(50, 0.1, 3)]
    [InlineData(50, 0.3, 5)]
    [InlineData(500, 0.1, 3)]
    [InlineData(2000, 0.05, 3)]
    public void A_surge_is_mostly_raised_within_three_bins(double mean, double alpha, double ratio)
    {
        var delays = new List<int>();
        for (var seed = 1; seed <= 20; seed++)
        {
            var at = 16 * 288 + seed * 131;
            var source = new CountSource(s_five, mean, alpha) { Fault = i => i >= at && i < at + 12 ? ratio : 1 };
            var begin = CountSource.Begin + at * s_five;
            var alarm = Run(source.Make(seed, (at + 40) / 288.0)).Find(a => a.Raised > begin);
            delays.Add(alarm is null ? 99 : (int)((alarm.Raised - begin) / s_five));
        }
        delays.Sort();
        TestContext.Current.TestOutputHelper!.WriteLine(string.Join(' ', delays));
        // What a bin holds is chance: half of them in three bins, four of five in four, all in eight.
        Assert.True(delays[9] <= 3, string.Join(' ', delays));
        Assert.True(delays[15] <= 4, string.Join(' ', delays));
        Assert.True(delays[19] <= 8, string.Join(' ', delays));
    }

    [Fact]
    public void An_alarm_tells_start_end_and_how_many_times_the_expected()
    {
        var at = 18 * 288 + 200;
        var source = new CountSource(s_five, 100, 0.1) { Fault = i => i >= at && i < at + 24 ? 6 : 1 };
        var alarm = Assert.Single(Run(source.Make(3, 20)));
        var begin = CountSource.Begin + at * s_five;
        Assert.InRange((alarm.Start - begin) / s_five, -1, 1);
        Assert.InRange((alarm.End!.Value - begin) / s_five, 23, 25);
        Assert.InRange(alarm.Ratio, 4, 9);
        Assert.True(alarm.IsUp);
        Assert.Equal(SurgeEnd.Cleared, alarm.EndedBy);
    }

    [Fact]
    public void A_surge_after_half_a_day_of_history_is_found()
    {
        var source = new CountSource(s_five, 20, 0.1) { DaySwing = 0, Fault = i => i >= 150 ? 8 : 1 };
        var alarm = Assert.Single(Run(source.Make(1, 0.6)));
        Assert.InRange((alarm.Raised - CountSource.Begin) / s_five, 150, 153);
        Assert.Equal(SurgeEnd.Open, alarm.EndedBy);
        Assert.Null(alarm.End);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(30)]
    public void History_that_is_too_short_is_learning_and_raises_nothing(int bins)
    {
        var detector = new SurgeDetector(TimeSpan.FromMinutes(10), new());
        for (var i = 0; i < bins; i++)
        {
            var score = detector.Observe(CountSource.Begin + i * TimeSpan.FromMinutes(10), 10 + i % 3);
            Assert.Equal(i < 8 ? SurgeState.Learning : SurgeState.Normal, score.State);
        }
        Assert.Null(detector.Open);
        Assert.Empty(detector.Ended);
    }

    [Fact]
    public void A_lasting_level_becomes_the_new_normal_after_a_day()
    {
        var source = new CountSource(s_five, 50, 0.1) { DaySwing = 0.3, Fault = i => i >= 15 * 288 ? 5 : 1 };
        var alarm = Assert.Single(Run(source.Make(1, 30)));
        Assert.Equal(SurgeEnd.NewNormal, alarm.EndedBy);
        Assert.InRange((alarm.End!.Value - alarm.Raised).TotalHours, 23.9, 24.2);
    }

    [Fact]
    public void Silence_is_an_alarm_for_who_watches_downwards_only()
    {
        var at = 16 * 288 + 144;
        var source = new CountSource(s_five, 50, 0.2) { Fault = i => i >= at && i < at + 24 ? 0 : 1 };
        Assert.Empty(Run(source.Make(2, 18)));
        foreach (var direction in new[] { SurgeDirection.Down, SurgeDirection.Both })
        {
            var alarm = Assert.Single(Run(source.Make(2, 18), new() { Direction = direction }));
            Assert.False(alarm.IsUp);
            Assert.InRange((alarm.Raised - CountSource.Begin) / s_five - at, 1, 8);
        }
    }

    [Fact]
    public void Three_reports_where_none_are_expected_are_a_surge_and_two_are_not()
    {
        foreach (var reports in new[] { 2, 3 })
        {
            var detector = new SurgeDetector(TimeSpan.FromMinutes(1), new());
            for (var i = 0; i < 3 * 1440; i++)
                detector.Observe(CountSource.Begin + i * TimeSpan.FromMinutes(1), i < 3 * 1440 - reports ? 0 : 1);
            Assert.Equal(reports == 3, detector.Open is not null);
        }
    }

    [Fact]
    public void Counts_scaled_to_fractions_are_judged_as_well()
    {
        var at = 16 * 288;
        var source = new CountSource(s_five, 400, 0.1) { Fault = i => i >= at && i < at + 12 ? 6 : 1 };
        var alarm = Assert.Single(Run(source.Make(1, 18).Select(b => (b.Start, b.Count / 7))));
        Assert.InRange((alarm.Raised - CountSource.Begin) / s_five - at, 1, 3);
    }

    [Fact]
    public void Spikes_of_one_bin_make_no_alarm_and_frequent_ones_of_three_make_few()
    {
        var single = new CountSource(s_five, 30, 0.1) { Fault = i => i % 97 == 0 ? 10 : 1 };
        Assert.Empty(Run(single.Make(1, 30)));
        var triple = new CountSource(s_five, 30, 0.1) { Fault = i => i % 97 < 3 ? 5 : 1 };
        Assert.InRange(Run(triple.Make(1, 30)).Count, 1, 30);
        Assert.InRange(Run(triple.Make(1, 30), new() { SpikeGrowth = 0 }).Count, 45, 100);
    }

    [Fact]
    public void An_alarm_ends_where_counts_stop_coming()
    {
        var detector = new SurgeDetector(s_five, new());
        var bins = new CountSource(s_five, 50, 0.1) { DaySwing = 0, Fault = i => i >= 1000 ? 8 : 1 }.Make(1, 3.6).ToList();
        foreach (var (start, count) in bins)
            detector.Observe(start, count);
        Assert.NotNull(detector.Open);
        detector.Observe(bins[^1].Start + TimeSpan.FromHours(2), 50);
        Assert.Null(detector.Open);
        Assert.Equal(SurgeEnd.DataStopped, Assert.Single(detector.Ended).EndedBy);
    }

    [Fact]
    public void Bins_out_of_order_are_refused()
    {
        var detector = new SurgeDetector(s_five, new());
        detector.Observe(CountSource.Begin, 1);
        Assert.Throws<ArgumentException>(() => detector.Observe(CountSource.Begin, 1));
    }

    [Fact]
    public void Any_counts_are_judged_without_a_number_that_is_none()
    {
        var random = new Random(5);
        var detector = new SurgeDetector(TimeSpan.FromHours(1), new() { Direction = SurgeDirection.Both });
        var at = CountSource.Begin;
        for (var i = 0; i < 5000; i++)
        {
            var score = detector.Observe(at, Math.Pow(10, random.Next(-9, 13)) * random.Next(2));
            Assert.True(double.IsFinite(score.Nats) && double.IsFinite(score.Score) && score.Nats >= 0);
            Assert.True(score.State == SurgeState.Learning || score.Expected > 0);
            at += TimeSpan.FromHours(random.Next(1, 30));
        }
    }

    private static List<SurgeAlarm> Run(IEnumerable<(DateTimeOffset Start, double Count)> bins, SurgeOptions? options = null)
    {
        SurgeDetector? detector = null;
        var held = default((DateTimeOffset Start, double Count)?);
        foreach (var bin in bins)
        {
            if (detector is null && held is { } first)
            {
                detector = new SurgeDetector(bin.Start - first.Start, options ?? new());
                detector.Observe(first.Start, first.Count);
            }
            detector?.Observe(bin.Start, bin.Count);
            held = bin;
        }
        return [.. detector!.Ended, .. detector.Open is { } open ? new[] { open } : []];
    }
}
