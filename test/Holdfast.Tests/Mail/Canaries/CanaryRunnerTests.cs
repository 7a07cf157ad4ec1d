using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text;
using Holdfast.Mail.Canaries;
using Holdfast.Tests.Mail.Deliver;
using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Holdfast.Tests.Mail.Canaries;

/// <summary>Canaries with a site played by the test, against the real board.</summary>
public class CanaryRunnerTests
{
    private sealed class Mailbox(World world) : ICanaryMailbox
    {
        public Task<IReadOnlyList<string>> LookAsync(CancellationToken abort) => world.LookAsync();
        public ValueTask DisposeAsync() => default;
    }

    private sealed class World : ICanaryDispatch, IAsyncDisposable
    {
        private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        private readonly List<(string Token, TimeSpan DueAt)> _underWay = [];
        private readonly List<string> _mailbox = [];

        public World(CanaryReadBack how, double takes)
        {
            Takes = TimeSpan.FromSeconds(takes);
            Time.SetUtcNow(new DateTimeOffset(2026, 1, 22, 17, 45, 0, TimeSpan.Zero));
            Options = new CanaryOptions
            {
                Probes =
                [
                    new CanaryProbeOptions
                    {
                        Site = "mail-na", Recipient = "canary@example.com", Sender = "probe@example.org", ReadBack = how,
                        Imap = how == CanaryReadBack.Imap ? new CanaryMailboxOptions() : null,
                    },
                ],
            };
            Board = new TrafficBoard(Topology.FromOptions(new TopologyOptions
            {
                HomeRegion = "na", Regions = [new RegionOptions { Name = "na" }],
                Sites = [new() { Name = "mail-na", Service = "mail", Region = "na", CapacityPerSecond = 100,
                    Targets = [new TargetOptions { Address = "127.0.0.1:25" }] }],
            }), new TrafficOptions(), new Random(1));
            Metrics = new CanaryMetrics(_services.GetRequiredService<IMeterFactory>());
            Runner = new CanaryRunner(new Settable<CanaryOptions>(Options), () => "mx.example.org", this,
                (_, _) => new Mailbox(this), Board, new CanaryToken([7]), Metrics, Time, NullLogger<CanaryRunner>.Instance);
            Runner.Start(() => CanTakeMail);
        }

        public SteppedTime Time { get; } = new();
        public CanaryOptions Options { get; }
        public TrafficBoard Board { get; }
        public CanaryMetrics Metrics { get; }
        public CanaryRunner Runner { get; }
        public bool CanTakeMail { get; set; } = true;
        /// <summary>After how long a canary comes back; null: never.</summary>
        public TimeSpan? Takes { get; set; }
        public bool Bounces { get; set; }
        public CanaryDispatchResult Answer { get; set; } = new(true, false, "250");
        public Exception? Unreadable { get; set; }
        public ConcurrentQueue<string> Sent { get; } = new();

        public Task<CanaryDispatchResult> SendAsync(CanaryProbeOptions probe, string token, CancellationToken abort)
        {
            Sent.Enqueue(token);
            if (Answer.IsTaken && Takes is { } takes)
                _underWay.Add((token, Time.GetElapsedTime(0) + takes));
            return Task.FromResult(Answer);
        }

        public Task<IReadOnlyList<string>> LookAsync()
        {
            if (Unreadable is { } fault)
                return Task.FromException<IReadOnlyList<string>>(fault);
            var found = _mailbox.ToList();
            _mailbox.Clear();
            return Task.FromResult<IReadOnlyList<string>>(found);
        }

        public VerdictState Verdict => Board.Snapshot(Time.GetElapsedTime(0)).Sites[0].Verdict.State;
        public double Weight => Board.Snapshot(Time.GetElapsedTime(0)).Sites[0].Weight;

        public async Task PassAsync(double seconds, bool withTraffic = true)
        {
            for (var i = 0; i < seconds * 10; i++)
            {
                Time.Advance(TimeSpan.FromMilliseconds(100));
                for (var n = 0; n < 20; n++)
                    await Task.Yield();
                var now = Time.GetElapsedTime(0);
                if (withTraffic)
                    Deliver(now);
                foreach (var (token, _) in _underWay.Where(u => u.DueAt <= now))
                {
                    if (Options.Probes[0].ReadBack == CanaryReadBack.Imap)
                        _mailbox.Add(token);
                    else
                        Runner.Arrived(Encoding.ASCII.GetBytes($"Subject: Re: {token}\r\n" + (Bounces
                            ? "Content-Type: multipart/report\r\n\r\n" : "\r\n")));
                }
                _underWay.RemoveAll(u => u.DueAt <= now);
                Board.Tick(now);
            }
        }

        /// <summary>Users' mail, which the site accepts.</summary>
        private void Deliver(TimeSpan now)
        {
            var placement = Board.Place(new PlacementRequest(new ServiceId(0), OperationClass.MailDelivery, 3, false,
                TargetId.None), now);
            if (!placement.MaySend)
                return;
            Board.Report(new TrafficOutcome(placement.Target, OperationClass.MailDelivery, AttemptPhase.FinalDot,
                FailureScope.None, TimeSpan.FromMilliseconds(20)) { Ticket = placement.Ticket }, now);
            Board.Release(placement, true, now);
        }

        public async ValueTask DisposeAsync()
        {
            await Runner.StopAsync();
            await _services.DisposeAsync();
        }
    }

    private static async Task WithAsync(CanaryReadBack how, Func<World, Task> test, double takes = 1)
    {
        await using var world = new World(how, takes);
        await test(world);
    }

    [Theory]
    [InlineData(CanaryReadBack.Reply)]
    [InlineData(CanaryReadBack.Imap)]
    public Task A_site_that_accepts_and_never_processes_is_closed_by_canaries_alone_and_comes_back_with_them(
        CanaryReadBack how) => WithAsync(how, async world =>
    {
        await world.PassAsync(60);
        Assert.Equal(VerdictState.Healthy, world.Verdict);
        Assert.InRange(world.Sent.Count, 11, 13);

        world.Takes = null;
        await world.PassAsync(22);
        Assert.NotEqual(VerdictState.Closed, world.Verdict);
        Assert.Equal(0.25, world.Weight);
        await world.PassAsync(10);
        Assert.Equal(VerdictState.Closed, world.Verdict);
        Assert.Contains("end-to-end canaries", world.Board.Snapshot(world.Time.GetElapsedTime(0)).Sites[0].Verdict.Evidence,
            StringComparison.Ordinal);
        // Its mail is accepted as ever, and that doesn't open it.
        await world.PassAsync(30);
        Assert.Equal(VerdictState.Closed, world.Verdict);

        world.Takes = TimeSpan.FromSeconds(1);
        // Two in a row, once those that were sent before are given up.
        await world.PassAsync(25);
        Assert.NotEqual(VerdictState.Closed, world.Verdict);
    });

    [Fact]
    public Task A_site_that_sends_canaries_back_is_closed() => WithAsync(CanaryReadBack.Reply, async world =>
    {
        world.Bounces = true;
        await world.PassAsync(20);
        Assert.Equal(VerdictState.Closed, world.Verdict);
    });

    [Fact]
    public Task A_site_whose_mail_always_takes_twelve_seconds_stays_open() =>
        WithAsync(CanaryReadBack.Reply, async world =>
        {
            await world.PassAsync(180);
            Assert.True(world.Verdict == VerdictState.Healthy,
                world.Board.Snapshot(world.Time.GetElapsedTime(0)).Sites[0].ToString());
            Assert.Equal(1, world.Weight);
        }, takes: 12);

    [Fact]
    public Task A_mailbox_that_cannot_be_read_closes_nothing_and_gets_no_more_mail() =>
        WithAsync(CanaryReadBack.Imap, async world =>
        {
            await world.PassAsync(60);
            world.Unreadable = new CanaryMailboxException("login refused", new IOException());
            await world.PassAsync(60);
            var sent = world.Sent.Count;
            await world.PassAsync(120);
            Assert.Equal(sent, world.Sent.Count);
            Assert.Equal(VerdictState.Healthy, world.Verdict);

            world.Unreadable = null;
            await world.PassAsync(20);
            Assert.True(world.Sent.Count > sent);
        });

    [Fact]
    public Task A_recipient_that_is_refused_says_nothing_of_the_site_and_a_refusal_of_the_site_does() =>
        WithAsync(CanaryReadBack.Reply, async world =>
        {
            world.Answer = new CanaryDispatchResult(false, false, "550 5.1.1 no such user");
            await world.PassAsync(60);
            Assert.Equal(VerdictState.Healthy, world.Verdict);
            world.Answer = new CanaryDispatchResult(false, true, "451 4.3.2 not now");
            await world.PassAsync(20);
            Assert.Equal(VerdictState.Closed, world.Verdict);
        });

    [Fact]
    public Task Our_own_pause_and_closed_listeners_void_what_is_under_way() =>
        WithAsync(CanaryReadBack.Reply, async world =>
        {
            await world.PassAsync(60);
            world.Takes = null;
            await world.PassAsync(9);
            // A minute in which nothing ran.
            world.Time.Advance(TimeSpan.FromMinutes(1));
            world.Takes = TimeSpan.FromSeconds(1);
            await world.PassAsync(20);
            Assert.Equal(VerdictState.Healthy, world.Verdict);
            Assert.Equal(1, world.Weight);

            world.Takes = null;
            await world.PassAsync(9);
            world.CanTakeMail = false;
            var sent = world.Sent.Count;
            await world.PassAsync(60);
            Assert.Equal(sent, world.Sent.Count);
            world.CanTakeMail = true;
            world.Takes = TimeSpan.FromSeconds(1);
            await world.PassAsync(20);
            Assert.Equal(VerdictState.Healthy, world.Verdict);
            Assert.Equal(1, world.Weight);
        });

    [Fact]
    public Task Probe_addresses_are_known_before_the_first_tick_and_in_any_case() =>
        WithAsync(CanaryReadBack.Reply, world =>
        {
            Assert.True(world.Runner.Contains("Probe@EXAMPLE.org"));
            Assert.False(world.Runner.Contains("canary@example.com"));
            Assert.False(world.Runner.Contains(""));
            return Task.CompletedTask;
        });

    [Fact]
    public Task A_forged_answer_passes_nothing() => WithAsync(CanaryReadBack.Reply, async world =>
    {
        await world.PassAsync(60);
        world.Takes = null;
        for (var i = 0; i < 40; i++)
        {
            world.Runner.Arrived(Encoding.ASCII.GetBytes($"Subject: Re: {new CanaryToken([(byte)i]).Next()}\r\n\r\n"));
            await world.PassAsync(1);
        }
        Assert.Equal(VerdictState.Closed, world.Verdict);
    });
}
