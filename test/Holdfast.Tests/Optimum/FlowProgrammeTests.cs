using Holdfast.Optimum;

namespace Holdfast.Tests.Optimum;

/// <summary>Against cases that can be worked out by hand.</summary>
public class FlowProgrammeTests
{
    private const double Near = 1e-4;
    private static readonly FlowPath[] OnlySite = [new FlowPath([0])];

    [Fact]
    public void What_fits_is_served_and_what_does_not_fit_in_time_is_lost()
    {
        // 10 arrive in each of 3 buckets, 6 fit in each, none may wait.
        var answer = Solve([[6, 6, 6]], new FlowStream("a", 0, [10, 10, 10], 0, 0, OnlySite));
        Assert.Equal(18, answer.InTime[0], Near);
    }

    [Fact]
    public void A_deadline_lets_a_burst_use_the_quiet_buckets_after_it_and_no_longer()
    {
        // 20 at once; 5 a bucket; two more buckets count: 15.
        var answer = Solve([[5, 5, 5, 5, 5]], new FlowStream("a", 0, [20, 0, 0, 0, 0], 0, 2, OnlySite));
        Assert.Equal(15, answer.InTime[0], Near);
    }

    [Fact]
    public void Nothing_is_served_before_it_arrives()
    {
        var answer = Solve([[9, 9, 1]], new FlowStream("a", 0, [0, 0, 10], 0, null, OnlySite));
        Assert.Equal(1, answer.InTime[0], Near);
        Assert.Equal([0, 0, 1], answer.ServedPerBucket[0].Select(v => Math.Round(v, 3)));
    }

    [Fact]
    public void The_more_important_class_goes_first_whatever_it_costs_the_others()
    {
        // One unit of class 0 uses both resources; two units of class 1 could be served in its place.
        var answer = Solve([[1], [1]],
            new FlowStream("top", 0, [1], 0, 0, [new FlowPath([0, 1])]),
            new FlowStream("low", 1, [2], 0, 0, [new FlowPath([0]), new FlowPath([1])]));
        Assert.Equal(1, answer.InTime[0], Near);
        Assert.Equal(0, answer.InTime[1], Near);
    }

    [Fact]
    public void Less_important_requests_get_what_the_others_leave()
    {
        var answer = Solve([[10, 10]],
            new FlowStream("low", 5, [8, 8], 0, 0, OnlySite), new FlowStream("top", 0, [7, 7], 0, 0, OnlySite));
        Assert.Equal(6, answer.InTime[0], Near);
        Assert.Equal(14, answer.InTime[1], Near);
    }

    [Fact]
    public void A_lost_site_is_covered_by_the_other_up_to_its_capacity()
    {
        FlowPath[] both = [new FlowPath([0]), new FlowPath([1])];
        var answer = Solve([[10, 0, 0, 10], [4, 4, 4, 4]], new FlowStream("a", 0, [9, 9, 9, 9], 0, 0, both));
        Assert.Equal(9 + 4 + 4 + 9, answer.InTime[0], Near);
    }

    [Fact]
    public void A_component_that_two_sites_need_bounds_both_together()
    {
        FlowPath[] both = [new FlowPath([0, 2]), new FlowPath([1, 2])];
        var answer = Solve([[10], [10], [7]], new FlowStream("a", 0, [20], 0, 0, both));
        Assert.Equal(7, answer.InTime[0], Near);
    }

    [Fact]
    public void Foresight_keeps_room_for_what_is_more_important_and_comes_later()
    {
        // Class 1 arrives first and may wait; class 0 needs bucket 1 whole.
        var answer = Solve([[4, 4, 4]],
            new FlowStream("top", 0, [0, 4, 0], 0, 0, OnlySite), new FlowStream("low", 1, [8, 0, 0], 0, 2, OnlySite));
        Assert.Equal(4, answer.InTime[0], Near);
        Assert.Equal(8, answer.InTime[1], Near);
        Assert.Equal([4, 0, 4], answer.ServedPerBucket[1].Select(v => Math.Round(v, 3)));
    }

    [Fact]
    public void Waiting_mail_is_served_as_early_as_there_is_room()
    {
        var answer = Solve([[5, 5, 5, 5]], new FlowStream("a", 0, [0, 0, 0, 0], 12, null, OnlySite));
        Assert.Equal(12, answer.InTime[0], Near);
        Assert.Equal([5, 5, 2, 0], answer.ServedPerBucket[0].Select(v => Math.Round(v, 3)));
    }

    [Fact]
    public void Waiting_mail_with_a_deadline_counts_from_the_first_bucket()
    {
        var answer = Solve([[5, 5, 5, 5]], new FlowStream("a", 0, [0, 0, 0, 0], 12, 1, OnlySite));
        Assert.Equal(10, answer.InTime[0], Near);
    }

    [Fact]
    public void A_stream_that_nothing_can_serve_is_lost_and_does_not_spoil_the_rest()
    {
        var answer = Solve([[5]], new FlowStream("cut off", 0, [3], 0, 0, []),
            new FlowStream("a", 1, [3], 0, 0, OnlySite));
        Assert.Equal([0, 3], answer.InTime.Select(v => Math.Round(v, 3)));
    }

    private static FlowAnswer Solve(double[][] capacity, params FlowStream[] streams)
    {
        var answer = FlowProgramme.Solve(new FlowProblem(1,
            [.. capacity.Select((c, i) => new FlowResource($"r{i}", c))], streams));
        Assert.True(answer.IsSolved);
        return answer;
    }
}
