using System.Diagnostics.Metrics;
using Holdfast.Web;
using Holdfast.Web.Select;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Web;

public sealed class WebSessionsTests
{
    private static readonly SelectOptions Options = new()
    {
        AffinityKeyFile = "keys", Routes = [new() { Service = "web", AffinityCookie = "sid" }],
    };

    [Fact]
    public async Task A_file_that_keeps_us_waiting_holds_nobody_up_and_is_asked_for_once()
    {
        using var meters = new Meters();
        using var isThere = new ManualResetEventSlim();
        var (begun, ended) = (0, 0);
        var sessions = new WebSessions(new WebMetrics(meters), new Random(1), new FakeTimeProvider(),
            NullLogger<WebSessions>.Instance, (string _, out string? fault) =>
            {
                Interlocked.Increment(ref begun);
                isThere.Wait(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
                Interlocked.Increment(ref ended);
                fault = null;
                return [new byte[32]];
            });
        await sessions.LookAsync(Options);
        await sessions.LookAsync(Options);
        Assert.Equal(0, Volatile.Read(ref ended));
        isThere.Set();
        await sessions.EndAsync();
        Assert.Equal((1, 1), (begun, ended));
        await sessions.LookAsync(Options);
        await sessions.EndAsync();
        Assert.Equal(2, ended);
    }

    private sealed class Meters : IMeterFactory
    {
        private readonly List<Meter> _all = [];

        public Meter Create(MeterOptions options)
        {
            var meter = new Meter(options);
            _all.Add(meter);
            return meter;
        }

        public void Dispose() => _all.ForEach(m => m.Dispose());
    }
}
