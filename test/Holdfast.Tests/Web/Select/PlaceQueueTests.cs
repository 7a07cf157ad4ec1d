using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Targets;
using Holdfast.Web.Select;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Web.Select;

public sealed class PlaceQueueTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly TrafficBoard _board;
    private readonly PlaceQueue _queue;
    private readonly List<Task<Placement>> _placed = [];

    public PlaceQueueTests()
    {
        _board = new TrafficBoard(Topology.FromOptions(new TopologyOptions
        {
            Regions = [new() { Name = "na" }],
            Sites =
            [
                new() { Name = "web-na", Service = "web", Region = "na", CapacityPerSecond = 20,
                    Targets = [new() { Address = "192.0.2.1:80" }] },
            ],
        }), new TrafficOptions(), new Random(1));
        _queue = new PlaceQueue(new ServiceId(0), _board, _time);
    }

    public void Dispose() => _queue.Dispose();

    private TimeSpan Now => _time.GetElapsedTime(0);

    private ValueTask<Placement> Ask(byte priority = 3, double seconds = 5, int waitingMax = 100, CancellationToken left = default)
    {
        _board.Admit(new ServiceId(0), priority, 1, Now);
        return _queue.PlaceAsync(new(new ServiceId(0), OperationClass.Read, priority, false, TargetId.None, CanWait: false),
            Now + TimeSpan.FromSeconds(seconds), waitingMax, left);
    }

    /// <summary>Moves the clock until one more of them left the queue, and says which.</summary>
    private async Task<Task<Placement>> NextAsync(params Task<Placement>[] tasks)
    {
        for (var (i, before) = (0, _queue.Count); i < 20 && _queue.Count == before; i++)
            _time.Advance(TimeSpan.FromMilliseconds(10));
        return await Task.WhenAny(tasks.Except(_placed)).WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System);
    }

    private int Queued => _board.Snapshot(Now).Services.Single().Queued;

    [Fact]
    public async Task A_place_at_once_where_there_is_one()
    {
        Assert.True((await Ask()).MaySend);
        Assert.Equal(0, Queued);
    }

    [Fact]
    public async Task Who_waits_is_placed_as_the_pace_allows_and_not_at_control_ticks_alone()
    {
        var asked = Enumerable.Range(0, 12).Select(_ => Ask().AsTask()).ToArray();
        Assert.True(_queue.Count >= 10);
        for (var i = 0; i < 60; i++)
            _time.Advance(TimeSpan.FromMilliseconds(10));
        // 20 a second for 0.6 s; at the ticks alone it would be 6.
        Assert.InRange(_queue.Count, 0, 1);
        Assert.True((await (await Task.WhenAny(asked))).MaySend);
    }

    [Fact]
    public async Task The_most_important_goes_first_and_among_equals_the_oldest()
    {
        await Ask();
        var (low, high, older, newer) = (Ask(5).AsTask(), Ask(0).AsTask(), Ask(3).AsTask(), Ask(3).AsTask());
        foreach (var expected in new[] { high, older, newer, low })
        {
            var next = await NextAsync(low, high, older, newer);
            Assert.Same(expected, next);
            Assert.True((await next).MaySend);
            _placed.Add(next);
        }
    }

    [Fact]
    public async Task While_the_service_sheds_the_newest_goes_first()
    {
        await Ask();
        var (older, newer) = (Ask().AsTask(), Ask().AsTask());
        _queue.Shedding(true);
        Assert.Same(newer, await NextAsync(older, newer));
        Assert.True((await newer).MaySend);
    }

    [Fact]
    public async Task Who_waited_long_enough_is_told_and_no_longer_counted()
    {
        await Ask();
        var late = Ask(seconds: 0.02);
        // At 20 a second the next place is 50 ms away.
        _time.Advance(TimeSpan.FromSeconds(0.03));
        _queue.Pump();
        Assert.False((await late).MaySend);
        Assert.Equal((0, 0), (_queue.Count, Queued));
    }

    [Fact]
    public async Task A_full_queue_says_so_at_once()
    {
        await Ask();
        var waiting = Ask(waitingMax: 1);
        Assert.False(waiting.IsCompleted);
        var refused = Ask(waitingMax: 1);
        Assert.True(refused.IsCompleted);
        Assert.False((await refused).MaySend);
        Assert.Equal(1, Queued);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.True((await waiting).MaySend);
    }

    [Fact]
    public async Task A_client_that_leaves_makes_room()
    {
        await Ask();
        using var leaves = new CancellationTokenSource();
        var gone = Ask(left: leaves.Token);
        Assert.Equal(1, _queue.Count);
        await leaves.CancelAsync();
        Assert.False((await gone).MaySend);
        Assert.Equal((0, 0), (_queue.Count, Queued));
    }
}
