using Holdfast.Optimum;

namespace Holdfast.Tests.Optimum;

public class BoundTests
{
    [Fact]
    public void A_backlog_drains_in_what_fresh_mail_leaves()
    {
        // 100 waiting, 30/s of room, 20/s fresh: 10 s.
        Assert.Equal(10, DrainBound.Seconds(100, Full(20, 30), Full(20, 20), 1)!.Value, 1e-9);
    }

    [Fact]
    public void Fresh_mail_without_room_joins_the_backlog()
    {
        // Two dark buckets add 10; then 8 a bucket are left for 20 + 10.
        double[] capacity = [0, 0, 13, 13, 13, 13, 13, 13];
        Assert.Equal(2 + 30.0 / 8, DrainBound.Seconds(20, capacity, Full(8, 5), 1)!.Value, 1e-9);
    }

    [Fact]
    public void A_backlog_that_grows_has_no_end() => Assert.Null(DrainBound.Seconds(1, Full(9, 5), Full(9, 6), 1));

    [Fact]
    public void A_bucket_may_be_longer_than_a_second() =>
        Assert.Equal(15, DrainBound.Seconds(30, Full(4, 30), Full(4, 10), 10)!.Value, 1e-9);

    [Fact]
    public void Total_failure_is_seen_in_the_time_that_theory_gives()
    {
        // ln(10 · 86 400) / ln(100) / 10 = 13.66951 / 4.60517 / 10.
        Assert.Equal(0.29683, DetectionBound.Seconds(10, 0.01, 1, 86_400), 5);
    }

    [Fact]
    public void Half_failing_takes_longer_and_no_change_takes_for_ever()
    {
        // KL(0.5 ‖ 0.01) = 0.5·ln 50 + 0.5·ln(0.5 / 0.99) = 1.95601 − 0.34155.
        Assert.Equal(13.66951 / 1.61446 / 10, DetectionBound.Seconds(10, 0.01, 0.5, 86_400), 4);
        Assert.Equal(double.PositiveInfinity, DetectionBound.Seconds(10, 0.01, 0.01, 86_400));
    }

    private static double[] Full(int buckets, double value)
    {
        var row = new double[buckets];
        Array.Fill(row, value);
        return row;
    }
}
