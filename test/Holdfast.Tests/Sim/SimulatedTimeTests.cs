using CsCheck;
using Holdfast.Sim;

namespace Holdfast.Tests.Sim;

public class SimulatedTimeTests
{
    private readonly SimulatedTime _time = new();
    private readonly List<(string Name, double At)> _fired = [];

    [Fact]
    public void Each_timer_fires_at_its_own_due_time_in_order()
    {
        Set("c", 3);
        Set("a", 1);
        Set("b", 1);
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal([("a", 1), ("b", 1), ("c", 3)], _fired);
        Assert.Equal(10, Now);
        Assert.Null(_time.NextDue);
    }

    [Fact]
    public void What_a_callback_sets_is_fired_in_the_same_advance()
    {
        _time.CreateTimer(_ => { Note("first"); Set("second", 2); }, null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal([("first", 1)], _fired);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([("first", 1), ("second", 3)], _fired);
    }

    [Fact]
    public void A_period_comes_again_until_it_is_changed_or_disposed()
    {
        var timer = _time.CreateTimer(_ => Note("tick"), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2));
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal([("tick", 1), ("tick", 3), ("tick", 5)], _fired);
        Assert.True(timer.Change(TimeSpan.FromSeconds(4), Timeout.InfiniteTimeSpan));
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(("tick", 9), _fired[^1]);
        Assert.Equal(4, _fired.Count);
        timer.Change(TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
        timer.Dispose();
        Assert.False(timer.Change(TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan));
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(4, _fired.Count);
    }

    [Fact]
    public async Task Delays_and_cancellations_run_on_it()
    {
        var delay = Task.Delay(TimeSpan.FromSeconds(5), _time, CancellationToken.None);
        using var cancelled = new CancellationTokenSource(TimeSpan.FromSeconds(3), _time);
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.True(cancelled.IsCancellationRequested);
        Assert.False(delay.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(2));
        await delay;
    }

    [Fact]
    public void A_step_of_the_wall_clock_moves_no_timer()
    {
        Set("a", 5);
        var wall = _time.GetUtcNow();
        _time.StepWallClock(TimeSpan.FromHours(-1));
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal([("a", 5)], _fired);
        Assert.Equal(wall.AddHours(-1).AddSeconds(5), _time.GetUtcNow());
    }

    [Fact]
    public void In_however_many_steps_it_is_moved_the_same_fires_at_the_same_time() =>
        Gen.Select(Gen.Int[0, 50].Array[1, 20], Gen.Int[1, 20].Array[1, 20]).Sample((dues, steps) =>
        {
            var (one, many) = (new List<(int, long)>(), new List<(int, long)>());
            Run(dues, [steps.Sum()], one);
            Run(dues, steps, many);
            Assert.Equal(one, many);
        });

    private static void Run(int[] dues, int[] steps, List<(int Number, long At)> fired)
    {
        var time = new SimulatedTime();
        for (var i = 0; i < dues.Length; i++)
        {
            var number = i;
            time.CreateTimer(_ => fired.Add((number, time.GetTimestamp())), null, TimeSpan.FromSeconds(dues[i]),
                TimeSpan.FromSeconds(dues[i] % 3));
        }
        foreach (var step in steps)
            time.Advance(TimeSpan.FromSeconds(step));
    }

    private double Now => TimeSpan.FromTicks(_time.GetTimestamp()).TotalSeconds;

    private void Note(string name) => _fired.Add((name, Now));

    private void Set(string name, int seconds) =>
        _time.CreateTimer(_ => Note(name), null, TimeSpan.FromSeconds(seconds), Timeout.InfiniteTimeSpan);
}
