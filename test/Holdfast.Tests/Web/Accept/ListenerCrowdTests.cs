using System.Diagnostics.Metrics;
using System.Net;
using CsCheck;
using Holdfast.Tests.Storage.Keys;
using Holdfast.Web;
using Holdfast.Web.Accept;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Web.Accept;

/// <summary>How many connections may be open, in all and from one address.</summary>
public class ListenerCrowdTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly PemFiles.KeptLog _log = new();

    private ListenerCrowd Make(int max, int perAddressMax, params string[] proxies) =>
        new(new WebMetrics(new ServiceCollection().AddMetrics().BuildServiceProvider()
            .GetRequiredService<IMeterFactory>()), _time, _log)
        {
            Bounds = new CrowdBounds(max, perAddressMax, new ProxyTrust(proxies)),
        };

    private static IPAddress Address(string text) => IPAddress.Parse(text);

    [Fact]
    public void The_last_place_is_given_and_one_more_is_refused_until_somebody_leaves()
    {
        var crowd = Make(3, 10);
        for (var i = 1; i <= 3; i++)
            Assert.Null(crowd.Enter(Address($"192.0.2.{i}")));
        Assert.Equal("connections", crowd.Enter(Address("192.0.2.4")));
        crowd.Leave(Address("192.0.2.2"));
        Assert.Null(crowd.Enter(Address("192.0.2.4")));
        Assert.Equal(3, crowd.Count);
    }

    [Fact]
    public async Task A_place_is_free_when_the_socket_is_closed_though_its_server_never_lets_the_connection_go()
    {
        var crowd = Make(1, 1);
        var sockets = new OpenSockets();
        var goes = new TaskCompletionSource();
        using var closed = new CancellationTokenSource();
        var connection = new DefaultConnectionContext
        {
            RemoteEndPoint = new IPEndPoint(IPAddress.Loopback, 1), ConnectionClosed = closed.Token,
        };
        var served = crowd.Limit((ConnectionContext _) => goes.Task, sockets)(connection);
        Assert.Equal((1, 1), (crowd.Count, sockets.Count));
        Assert.Equal("connections", crowd.Enter(IPAddress.Loopback));
        await closed.CancelAsync();
        Assert.Equal((0, 0), (crowd.Count, sockets.Count));
        goes.SetResult();
        await served;
        // Once only.
        Assert.Equal((0, 0), (crowd.Count, sockets.Count));
        Assert.Null(crowd.Enter(IPAddress.Loopback));
    }

    [Fact]
    public void One_address_gets_no_more_than_its_own_bound_and_others_are_not_touched()
    {
        var crowd = Make(100, 2);
        Assert.Null(crowd.Enter(Address("192.0.2.1")));
        Assert.Null(crowd.Enter(Address("::ffff:192.0.2.1")));
        Assert.Equal("address", crowd.Enter(Address("192.0.2.1")));
        Assert.Null(crowd.Enter(Address("192.0.2.2")));
        crowd.Leave(Address("192.0.2.1"));
        Assert.Null(crowd.Enter(Address("192.0.2.1")));
    }

    [Fact]
    public void An_IPv6_network_of_64_bits_counts_as_one_address()
    {
        var crowd = Make(100, 2);
        Assert.Null(crowd.Enter(Address("2001:db8::1")));
        Assert.Null(crowd.Enter(Address("2001:db8::ffff:0:0:2")));
        Assert.Equal("address", crowd.Enter(Address("2001:db8::3")));
        Assert.Null(crowd.Enter(Address("2001:db8:0:1::1")));
    }

    [Fact]
    public void Trusted_proxies_are_bound_in_all_alone()
    {
        var crowd = Make(5, 1, "10.0.0.0/8");
        for (var i = 0; i < 5; i++)
            Assert.Null(crowd.Enter(Address("10.1.2.3")));
        Assert.Equal("connections", crowd.Enter(Address("10.1.2.3")));
    }

    [Fact]
    public async Task A_flood_of_refusals_is_one_line_in_ten_seconds_that_tells_how_many()
    {
        var crowd = Make(100, 1);
        Assert.Null(crowd.Enter(IPAddress.Loopback));
        var reached = 0;
        var limited = crowd.Limit((ConnectionContext _) => Task.FromResult(reached++), new OpenSockets());
        async Task<DefaultConnectionContext> ComeAsync()
        {
            var connection = new DefaultConnectionContext { RemoteEndPoint = new IPEndPoint(IPAddress.Loopback, 1) };
            await limited(connection);
            return connection;
        }
        for (var i = 0; i < 50; i++)
        {
            var closed = new TaskCompletionSource();
            (await ComeAsync()).ConnectionClosed.Register(closed.SetResult);
            await closed.Task;
        }
        Assert.Single(_log.Lines);
        _time.Advance(TimeSpan.FromSeconds(10));
        await ComeAsync();
        Assert.Equal(2, _log.Lines.Count);
        Assert.Contains("Closed 50 new connections", _log.Lines.Last(), StringComparison.Ordinal);
        Assert.Contains("ConnectionsPerAddressMax is reached", _log.Lines.Last(), StringComparison.Ordinal);
        Assert.Equal(0, reached);
        crowd.Leave(IPAddress.Loopback);
        await ComeAsync();
        Assert.Equal((1, 0), (reached, crowd.Count));
    }

    [Fact]
    public void Whatever_comes_and_goes_the_counts_are_those_of_who_is_there() =>
        Gen.Select(Gen.Int[0, 3], Gen.Bool).Array[0, 60].Sample(steps =>
        {
            var crowd = Make(6, 2);
            var there = new List<IPAddress>();
            foreach (var (who, comes) in steps)
            {
                var address = Address($"192.0.2.{who}");
                if (comes)
                {
                    var own = there.Count(a => a.Equals(address));
                    var expected = there.Count >= 6 ? "connections" : own >= 2 ? "address" : null;
                    Assert.Equal(expected, crowd.Enter(address));
                    if (expected is null)
                        there.Add(address);
                }
                else if (there.Remove(address))
                {
                    crowd.Leave(address);
                }
            }
            Assert.Equal(there.Count, crowd.Count);
        }, iter: 200);
}
