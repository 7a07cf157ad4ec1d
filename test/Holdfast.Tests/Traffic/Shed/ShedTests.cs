using Holdfast.Traffic.Shed;

namespace Holdfast.Tests.Traffic.Shed;

public class ShedTests
{
    /// <summary>So many arrive and at most so many are released each 100 ms; returns what was admitted of each
    /// priority in the second half.</summary>
    private static (int[] Offered, int[] Admitted) Run(ShedCutOff cutOff, int arrive, int release, int ticks,
        HashSet<(int, uint)>? refused = null, HashSet<(int, uint)>? admitted = null,
        double? capacity = null)
    {
        var random = new Random(1);
        var (all, let) = (new int[6], new int[6]);
        for (var tick = 0; tick < ticks; tick++)
        {
            for (var i = 0; i < arrive; i++)
            {
                var priority = (byte)random.Next(6);
                var cohort = (uint)random.Next(128);
                var ok = cutOff.Admit(priority, cohort);
                if (tick < ticks / 2)
                    continue;
                all[priority]++;
                let[priority] += ok ? 1 : 0;
                (ok ? admitted : refused)?.Add((priority, cohort));
            }
            for (var i = 0; i < release && cutOff.Queued > 0; i++)
                cutOff.Release();
            cutOff.Tick(0.1, capacity ?? release * 10);
        }
        return (all, let);
    }

    [Fact]
    public void Nothing_is_refused_while_everything_is_placed()
    {
        var cutOff = new ShedCutOff();
        var (offered, admitted) = Run(cutOff, 50, 60, 300);
        Assert.Equal(offered, admitted);
    }

    [Fact]
    public void At_twice_what_is_taken_the_least_important_half_is_refused_and_the_most_important_is_not()
    {
        var cutOff = new ShedCutOff();
        var (offered, admitted) = Run(cutOff, 120, 60, 600);
        Assert.True(admitted[0] > 0.99 * offered[0]);
        Assert.True(admitted[1] > 0.95 * offered[1]);
        Assert.True(admitted[5] < 0.05 * offered[5]);
        var share = admitted.Sum() / (double)offered.Sum();
        Assert.InRange(share, 0.42, 0.58);
        Assert.True(cutOff.Queued < 400, $"{cutOff.Queued} queued");
    }

    [Fact]
    public void A_burst_that_is_served_within_a_second_is_no_reason_to_refuse_anybody()
    {
        var cutOff = new ShedCutOff();
        Run(cutOff, 20, 60, 50);
        Run(cutOff, 300, 60, 1);
        var (offered, admitted) = Run(cutOff, 20, 60, 20);
        Assert.Equal(offered, admitted);
    }

    [Fact]
    public void When_the_overload_ends_nobody_is_refused_within_ten_seconds()
    {
        var cutOff = new ShedCutOff();
        Run(cutOff, 300, 60, 300);
        Assert.True(cutOff.IsShedding);
        Run(cutOff, 50, 60, 100);
        Assert.False(cutOff.IsShedding);
    }

    [Fact]
    public void Clients_that_come_again_raise_what_is_refused_and_not_what_is_admitted()
    {
        var cutOff = new ShedCutOff();
        Run(cutOff, 120, 60, 300);
        for (var second = 0; second < 20; second++)
        {
            // Each second's refusals come again in the next.
            var (_, admitted) = Run(cutOff, second % 2 == 0 ? 120 : 180, 60, 10);
            Assert.InRange(admitted.Sum(), 0, 1.25 * 5 * 60);
        }
        Assert.True(cutOff.Queued < 600, $"{cutOff.Queued} queued");
    }

    [Fact]
    public void What_is_admitted_follows_at_once_when_sites_may_be_given_more()
    {
        var cutOff = new ShedCutOff();
        Run(cutOff, 120, 30, 300);
        var (offered, admitted) = Run(cutOff, 120, 90, 30, capacity: 900);
        Assert.True(admitted.Sum() > 0.6 * offered.Sum(), $"{admitted.Sum()} of {offered.Sum()}");
    }
}
