using System.Net;
using Holdfast.Mail.Route;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Mail.Route;

public class HostResolverTests
{
    private readonly ScriptedDns _dns = new();
    private readonly FakeTimeProvider _time = new();

    private HostResolver Resolver() => new(_dns, new SettableOptions<RouteOptions>(new RouteOptions()), _time,
        NullLogger<HostResolver>.Instance);

    [Fact]
    public void Addresses_answer_themselves()
    {
        using var resolver = Resolver();
        Assert.Equal([IPAddress.Loopback], resolver.Known("127.0.0.1"));
        Assert.Equal([IPAddress.IPv6Loopback], resolver.Known("[::1]"));
        Assert.Equal(0, _dns.Questions);
    }

    [Fact]
    public async Task A_new_name_is_asked_for_without_making_the_caller_wait()
    {
        _dns.WithAddress("mx.example", "192.0.2.1");
        using var resolver = Resolver();
        Assert.Empty(resolver.Known("mx.example"));
        await resolver.RefreshDueAsync();
        Assert.Equal([IPAddress.Parse("192.0.2.1")], resolver.Known("mx.example"));
    }

    [Fact]
    public async Task The_first_answer_can_be_waited_for()
    {
        _dns.WithAddress("mx.example", "192.0.2.1");
        using var resolver = Resolver();
        Assert.Single(await resolver.ResolveAsync("mx.example", TestContext.Current.CancellationToken));
        Assert.Empty(await resolver.ResolveAsync("nowhere.example", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Names_are_asked_for_again_when_their_time_is_up_and_the_new_answer_counts()
    {
        _dns.WithAddress("mx.example", "192.0.2.1");
        using var resolver = Resolver();
        await resolver.ResolveAsync("mx.example", TestContext.Current.CancellationToken);
        _dns.WithAddress("mx.example", "192.0.2.2");
        await resolver.RefreshDueAsync();
        Assert.Equal("192.0.2.1", resolver.Known("mx.example")[0].ToString());
        _time.Advance(_dns.Ttl);
        await resolver.RefreshDueAsync();
        Assert.Equal("192.0.2.2", resolver.Known("mx.example")[0].ToString());
    }

    [Fact]
    public async Task The_last_answer_is_kept_while_dns_fails_or_denies_the_name()
    {
        _dns.WithAddress("mx.example", "192.0.2.1");
        using var resolver = Resolver();
        await resolver.ResolveAsync("mx.example", TestContext.Current.CancellationToken);
        _dns.IsDown = true;
        _time.Advance(TimeSpan.FromDays(2));
        await resolver.RefreshDueAsync();
        Assert.Single(resolver.Known("mx.example"));
        _dns.IsDown = false;
        _dns.Addresses.Clear();
        _time.Advance(TimeSpan.FromDays(2));
        await resolver.RefreshDueAsync();
        Assert.Single(resolver.Known("mx.example"));
    }

    [Fact]
    public async Task The_background_resolves_by_itself_and_stops()
    {
        _dns.WithAddress("mx.example", "192.0.2.1");
        using var resolver = Resolver();
        await resolver.StartAsync(TestContext.Current.CancellationToken);
        resolver.Known("mx.example");
        for (var i = 0; i < 1_000_000 && resolver.Known("mx.example").IsEmpty; i++)
        {
            await Task.Yield();
            _time.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.Single(resolver.Known("mx.example"));
        await resolver.StopAsync(TestContext.Current.CancellationToken);
    }
}
