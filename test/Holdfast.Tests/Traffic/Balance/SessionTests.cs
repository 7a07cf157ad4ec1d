using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Acts;
using Holdfast.Traffic.Targets;

namespace Holdfast.Tests.Traffic.Balance;

public sealed class SessionTests
{
    private static readonly TargetId s_home = new(2);
    private static readonly TargetId s_away = new(5);

    private static Placement Place(WebFixture board, TargetId bound, bool staysAway = false,
        OperationClass operation = OperationClass.Read) =>
        board.Board.Place(new PlacementRequest(board.Service, operation, 2, false, TargetId.None, CanWait: false,
            Bound: bound, StaysAway: staysAway), board.Now);

    private static int Placed(WebFixture board, TargetId bound, int count = 50, bool staysAway = false)
    {
        var there = 0;
        for (var i = 0; i < count; i++)
        {
            var placement = Place(board, bound, staysAway);
            if (placement.MaySend)
                board.Answer(placement);
            there += placement.MaySend && placement.Target == bound ? 1 : 0;
            board.Advance(0.01);
        }
        return there;
    }

    [Fact]
    public void A_session_stays_with_its_target_at_home_and_away()
    {
        var board = new WebFixture();
        board.Serve(100, 3);
        Assert.Equal(50, Placed(board, s_home));
        Assert.Equal(50, Placed(board, s_away, staysAway: true));
    }

    [Fact]
    public void A_session_away_whose_time_is_over_goes_home()
    {
        var board = new WebFixture();
        board.Serve(100, 3);
        Assert.Equal(0, Placed(board, s_away));
    }

    [Fact]
    public void A_closed_target_keeps_no_session_and_its_site_does()
    {
        var board = new WebFixture();
        board.Serve(200, 10, p => p.Target == s_home);
        Assert.Equal(VerdictState.Closed, board.Site(WebFixture.Na).Targets[s_home.Value].Verdict.State);
        var elsewhere = 0;
        for (var i = 0; i < 50; i++)
        {
            var placement = Place(board, s_home);
            Assert.True(placement.MaySend);
            elsewhere += placement.Kind == PlacementKind.Send && placement.Target != s_home
                && placement.Site == WebFixture.Na ? 1 : 0;
            board.Answer(placement, placement.Target != s_home);
            board.Advance(0.01);
        }
        Assert.InRange(elsewhere, 45, 50);
    }

    [Fact]
    public void Sessions_that_moved_away_do_not_keep_the_home_closed()
    {
        var board = new WebFixture();
        board.Serve(200, 20, p => p.Site == WebFixture.Na);
        Assert.Equal(VerdictState.Closed, board.StateOf(WebFixture.Na));
        // Every request has a session away by now: one of them must be the canary.
        for (var i = 0; i < 200 * 60 && board.StateOf(WebFixture.Na) == VerdictState.Closed; i++)
        {
            if (Place(board, s_away, staysAway: true) is { MaySend: true } placement)
                board.Answer(placement);
            board.Advance(0.005);
        }
        Assert.NotEqual(VerdictState.Closed, board.StateOf(WebFixture.Na));
    }

    [Fact]
    public void Sessions_go_home_at_the_pace_of_the_ramp_and_stay_with_their_target_until_then()
    {
        var board = new WebFixture();
        board.Serve(200, 10, p => p.Site == WebFixture.Na);
        Assert.Equal(VerdictState.Closed, board.StateOf(WebFixture.Na));
        // Everybody's time away is over in one moment, and home is well again.
        var (firstSecond, atHome, elsewhere, seconds) = (-1, 0, 0, 0);
        for (; seconds < 120 && atHome < 190; seconds++)
        {
            atHome = 0;
            for (var i = 0; i < 200; i++)
            {
                if (Place(board, s_away) is { MaySend: true } placement)
                {
                    board.Answer(placement);
                    atHome += placement.Site == WebFixture.Na ? 1 : 0;
                    elsewhere += placement.Site == WebFixture.Eu && placement.Target != s_away ? 1 : 0;
                }
                board.Advance(0.005);
            }
            if (firstSecond < 0 && board.StateOf(WebFixture.Na) != VerdictState.Closed)
                firstSecond = atHome;
        }
        Assert.InRange(firstSecond, 1, 60);
        Assert.InRange(seconds, 3, 119);
        Assert.Equal(0, elsewhere);
    }

    [Fact]
    public void A_drained_target_keeps_no_session()
    {
        var board = new WebFixture();
        board.Serve(100, 3);
        Assert.True(board.Board.Apply(new OperatorAct(ActKind.Drain, ActScope.Target, "web-na/a:3", 1, TimeSpan.FromMinutes(1), "ops",
            "test"), board.Now).IsApplied);
        Assert.Equal(0, Placed(board, s_home));
    }

    [Fact]
    public void A_target_that_pushed_back_is_left_alone_for_as_long_as_it_said()
    {
        var board = new WebFixture();
        board.Serve(100, 3);
        var placement = Place(board, s_home);
        board.Board.Report(new TrafficOutcome(placement.Target, OperationClass.Read, AttemptPhase.Answer,
            FailureScope.Target, TimeSpan.FromSeconds(0.02), "503") { Ticket = placement.Ticket, IsPushBack = true,
            RetryAfter = TimeSpan.FromSeconds(3) }, board.Now);
        board.Board.Release(placement, false, board.Now);
        Assert.Equal(0, Placed(board, s_home, count: 20));
        board.Serve(100, 6);
        Assert.Equal(20, Placed(board, s_home, count: 20));
    }

    [Fact]
    public void Sessions_get_no_more_of_a_target_than_its_limit()
    {
        var board = new WebFixture();
        board.Serve(100, 3);
        var limit = board.Site(WebFixture.Na).Targets[s_home.Value].Limit;
        var there = 0;
        for (var i = 0; i < 2 * limit; i++)
            there += Place(board, s_home) is { MaySend: true } placement && placement.Target == s_home ? 1 : 0;
        Assert.InRange(there, 1, limit);
    }

    [Fact]
    public void A_session_at_a_full_site_away_is_placed_as_any_other()
    {
        var board = new WebFixture(euCapacity: 40);
        board.Serve(100, 3);
        // 100 a second are bound to a site of 40: the rest goes where it belongs.
        var away = 0;
        for (var i = 0; i < 500; i++)
        {
            if (Place(board, s_away, staysAway: true) is { MaySend: true } placement)
            {
                away += placement.Site == WebFixture.Eu ? 1 : 0;
                board.Answer(placement);
            }
            board.Advance(0.01);
        }
        Assert.InRange(away, 50, 5 * 40 + 20);
    }

    [Fact]
    public void What_is_bound_to_a_target_of_another_service_or_of_none_is_placed_as_any_other()
    {
        var board = new WebFixture();
        foreach (var nowhere in new[] { new TargetId(-1), new TargetId(1000), new TargetId(int.MaxValue) })
        {
            Assert.True(Place(board, nowhere).MaySend);
            Assert.True(Place(board, nowhere, staysAway: true).MaySend);
        }
    }
}
