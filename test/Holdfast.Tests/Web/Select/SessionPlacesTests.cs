using Holdfast.Traffic.Targets;
using Holdfast.Web.Select;

namespace Holdfast.Tests.Web.Select;

public sealed class SessionPlacesTests
{
    private static readonly byte[] s_key = [.. Enumerable.Repeat((byte)1, 32)];
    private static readonly byte[] s_newKey = [.. Enumerable.Repeat((byte)2, 32)];
    private static readonly TimeSpan s_away = TimeSpan.FromMinutes(10);
    private static readonly TargetId s_na2 = new(1);
    private static readonly TargetId s_eu = new(2);
    private readonly DateTimeOffset _now = new(2026, 1, 22, 19, 0, 0, TimeSpan.Zero);
    private readonly Topology _topology = Topology.FromOptions(Topo());
    private readonly SessionPlaces _places = new([s_key], new Random(1));

    private static TopologyOptions Topo(params string[] without) => new()
    {
        HomeRegion = "na",
        Regions = [new() { Name = "na" }, new() { Name = "eu" }],
        Sites =
        [
            new() { Name = "web-na", Service = "web", Region = "na", Targets =
                [.. new[] { "192.0.2.1:80", "192.0.2.2:80" }.Except(without).Select(a => new TargetOptions { Address = a })] },
            new() { Name = "web-eu", Service = "web", Region = "eu",
                Targets = [new() { Address = "192.0.2.3:80" }] },
            new() { Name = "api-na", Service = "api", Region = "na",
                Targets = [new() { Address = "192.0.2.1:80" }] },
        ],
    };

    private string Bind(TargetId target) => "sid=" + _places.Bind("web", target, _topology, s_away, _now);

    private SessionPlace? Find(string cookie, double minutes = 0, string service = "web", SessionPlaces? places = null,
        Topology? topology = null) =>
        (places ?? _places).Find(service, cookie, "sid", topology ?? _topology, _now.AddMinutes(minutes));

    [Fact]
    public void A_session_at_home_is_found_there_and_its_cookie_made_anew_within_the_hour()
    {
        var cookie = Bind(s_na2);
        Assert.Equal(new SessionPlace(s_na2, StaysAway: false, IsFresh: true), Find(cookie, 29));
        Assert.Equal(new SessionPlace(s_na2, StaysAway: false, IsFresh: false), Find(cookie, 61));
    }

    [Fact]
    public void A_session_away_stays_there_for_its_time_and_then_may_go_home()
    {
        var cookie = Bind(s_eu);
        Assert.Equal(new SessionPlace(s_eu, StaysAway: true, IsFresh: true), Find(cookie, 4.9));
        Assert.Equal(new SessionPlace(s_eu, StaysAway: false, IsFresh: false), Find(cookie, 10.1));
    }

    [Fact]
    public void Sessions_moved_in_one_moment_may_go_home_in_many()
    {
        var cookies = Enumerable.Range(0, 1000).Select(_ => Bind(s_eu)).ToArray();
        // Between half of the time and all of it, a minute's share in each minute.
        for (var minute = 5; minute < 10; minute++)
        {
            Assert.InRange(cookies.Count(c => Find(c, minute)!.Value.StaysAway && !Find(c, minute + 1)!.Value.StaysAway),
                150, 250);
        }
    }

    [Fact]
    public void A_bond_of_yesterday_is_none()
    {
        Assert.NotNull(Find(Bind(s_na2), 24 * 60));
        Assert.Null(Find(Bind(s_na2), 26 * 60));
    }

    [Fact]
    public void A_bond_from_the_future_is_none() => Assert.Null(Find(Bind(s_na2), -3 * 24 * 60));

    [Fact]
    public void A_cookie_of_another_service_or_gateway_is_none()
    {
        Assert.Null(Find(Bind(s_na2), service: "api"));
        Assert.Null(Find(Bind(s_na2), places: new SessionPlaces([s_newKey], new Random(1))));
    }

    [Fact]
    public void A_second_cookie_of_the_name_is_looked_at_when_the_first_is_not_ours() =>
        Assert.Equal(s_na2, Find("sid=garbage; " + Bind(s_na2))!.Value.Target);

    [Fact]
    public void A_target_that_left_the_configuration_holds_no_session()
    {
        var after = Topology.FromOptions(Topo("192.0.2.2:80"), _topology);
        Assert.Null(Find(Bind(s_na2), topology: after));
        Assert.NotNull(Find(Bind(s_eu), topology: after));
    }

    [Fact]
    public void A_change_of_key_keeps_sessions_and_signs_them_anew()
    {
        var both = new SessionPlaces([s_newKey, s_key], new Random(1));
        Assert.Equal(new SessionPlace(s_na2, StaysAway: false, IsFresh: false), Find(Bind(s_na2), places: both));
        var after = "sid=" + both.Bind("web", s_na2, _topology, s_away, _now);
        Assert.Equal(new SessionPlace(s_na2, StaysAway: false, IsFresh: true), Find(after, places: both));
        Assert.NotNull(Find(after, places: new SessionPlaces([s_newKey], new Random(1))));
    }

    [Fact]
    public void Gateways_with_one_key_know_each_others_sessions() =>
        Assert.Equal(s_eu, Find(Bind(s_eu), places: new SessionPlaces([s_key], new Random(9)))!.Value.Target);
}
