using Holdfast.Bench.Web;

namespace Holdfast.Tests.Bench;

public class GoodputTests
{
    /// <summary>100 requests a second for so long, bad ones where told.</summary>
    private static List<WebSample> Run(double seconds, Func<double, bool> isBad) =>
        [.. Enumerable.Range(0, (int)(seconds * 100)).Select(i => (i + 0.5) / 100)
            .Select(at => new WebSample(at, 0.01, isBad(at) ? 503 : 200, 0, true))];

    [Fact]
    public void Where_nothing_failed_it_was_never_away() =>
        Assert.Equal(0, Goodput.RecoveredAfter(Run(10, _ => false), 2, 8));

    [Fact]
    public void One_in_a_hundred_is_still_recovered_and_two_are_not()
    {
        Assert.Equal(0, Goodput.RecoveredAfter(Run(10, at => at == 4.505), 2, 8));
        Assert.NotEqual(0, Goodput.RecoveredAfter(Run(10, at => at is 4.505 or 4.515), 2, 8));
    }

    [Fact]
    public void It_is_back_when_no_later_window_holds_a_bad_request()
    {
        // Bad for 1.5 s: the first window without more than one bad request begins at the last but one.
        var after = Goodput.RecoveredAfter(Run(12, at => at is >= 2 and < 3.5), 2, 10);
        Assert.InRange(after!.Value, 1.4, 1.6);
    }

    [Fact]
    public void A_lucky_second_between_two_bad_ones_is_no_recovery()
    {
        var after = Goodput.RecoveredAfter(Run(12, at => at is >= 2 and < 3 or >= 6 and < 7), 2, 10);
        Assert.InRange(after!.Value, 4.9, 5.1);
    }

    [Fact]
    public void What_is_bad_to_the_end_does_not_recover() =>
        Assert.Null(Goodput.RecoveredAfter(Run(10, at => at > 7.9), 2, 8.5));

    [Fact]
    public void What_is_bad_outside_the_time_asked_about_does_not_count() =>
        Assert.Equal(0, Goodput.RecoveredAfter(Run(12, at => at is < 2 or >= 8), 2, 8));

    [Fact]
    public void Second_attempts_are_no_part_of_the_share_but_of_the_errors()
    {
        WebSample[] samples = [new(1, 0.1, 200, 0, true), new(1, 2, WebSample.Late, 0, false), new(1.5, 0.1, 503, 1, true)];
        Assert.Equal(0.5, Goodput.Share(samples, 0, 2));
        Assert.Equal("503 1, late 1", Goodput.Errors(samples, 0, 2));
        Assert.Equal("0", Goodput.Errors(samples, 1.6, 2));
        Assert.Equal(1, Goodput.Share(samples, 5, 6));
    }

    [Fact]
    public void A_quick_error_is_no_quick_answer()
    {
        var samples = Run(1, at => at < 0.02);
        Assert.Equal(0.01, Goodput.LatencyAt(samples, 0, 1, 0.5, 2));
        Assert.Equal(2, Goodput.LatencyAt(samples, 0, 1, 1, 2));
        Assert.Equal(0, Goodput.LatencyAt(samples, 5, 6, 0.5, 2));
    }

    [Fact]
    public void Each_second_has_its_line()
    {
        var lines = Goodput.Seconds(Run(2, at => at >= 1.5), 2).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["second,attempts,good,home,slowest,errors", "0,100,100,100,0.010,0", "1,100,50,100,0.010,503 50"], lines);
    }
}
