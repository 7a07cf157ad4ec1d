using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using Holdfast.Configuration;
using Holdfast.Mail.Deliver;
using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;
using Holdfast.Traffic;
using Holdfast.Traffic.Targets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Mail.Deliver;

/// <summary>Delivery with everything around it scripted: a clock that the test moves, targets on pipes, a spool in
/// memory; the traffic board is the real one.</summary>
internal sealed class DeliveryWorld : IAsyncDisposable
{
    public const int Na = 2601;
    public const int Eu = 2602;
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan RestWithin = TimeSpan.FromSeconds(30);

    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<string, long> _counted = new();

    public DeliveryWorld(Action<DeliverOptions>? deliver = null, RouteOptions? route = null, bool oneSite = false,
        IMxResolver? mx = null, PaceOptions? pace = null)
    {
        Time.SetUtcNow(new DateTimeOffset(2026, 1, 22, 17, 45, 0, TimeSpan.Zero));
        var sites = new List<SiteOptions>
        {
            new() { Name = "mail-na", Service = "mail", Region = "na", CapacityPerSecond = 2000,
                Targets = [new TargetOptions { Address = $"127.0.0.1:{Na}" }] },
        };
        if (!oneSite)
        {
            sites.Add(new() { Name = "mail-eu", Service = "mail", Region = "eu", CapacityPerSecond = 2000,
                Targets = [new TargetOptions { Address = $"127.0.0.1:{Eu}" }] });
        }
        Board = new TrafficBoard(Topology.FromOptions(new TopologyOptions
        {
            HomeRegion = "na", Regions = [new RegionOptions { Name = "na" }, new RegionOptions { Name = "eu" }],
            Sites = [.. sites],
        }), new TrafficOptions(), new Random(1));
        Options = new DeliverOptions();
        deliver?.Invoke(Options);
        Spool = new MemorySpool(Time);
        Deliver = new Settable<DeliverOptions>(Options);
        Routes = new Settable<RouteOptions>(route ?? new RouteOptions
        {
            Rules = [new RouteRuleOptions { Domain = "*", Service = "mail" }],
        });
        var sources = new DeliverySources(Deliver, Retry, Fixed.Of(pace ?? new PaceOptions()),
            Fixed.Of(new NoticeOptions()), Routes, () => "holdfast.example");
        var metrics = new DeliverMetrics(_services.GetRequiredService<IMeterFactory>());
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == metrics.Meter)
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, _, _) =>
            _counted.AddOrUpdate(instrument.Name, value, (_, before) => before + value));
        _listener.Start();
        Flow = new DeliveryFlow(sources, Spool, Board, Journal, mx ?? new NoMx(), new NoMxTlsPolicy(), new NoHosts(),
            Targets, metrics, Time, new Random(2), Log);
        NaTarget = Targets.Add(Na);
        EuTarget = Targets.Add(Eu);
        Flow.StartAsync(CancellationToken.None).GetAwaiter().GetResult();
    }

    /// <summary>What the counter has come to.</summary>
    public long Counted(string counter) => _counted.GetValueOrDefault(counter);

    public SteppedTime Time { get; } = new();
    public ScriptedTargets Targets { get; } = new();
    public ScriptedTarget NaTarget { get; }
    public ScriptedTarget EuTarget { get; }
    public MemorySpool Spool { get; }
    public MemoryLog Log { get; } = new();
    public MemoryJournal Journal { get; } = new();
    public TrafficBoard Board { get; }
    public DeliverOptions Options { get; }
    /// <summary>What the next reload will read.</summary>
    public Settable<DeliverOptions> Deliver { get; }
    public Settable<RetryOptions> Retry { get; } = new(new RetryOptions());
    public Settable<RouteOptions> Routes { get; }
    public DeliveryFlow Flow { get; }

    /// <summary>Lets what can happen now happen, then moves the clock on in ticks.</summary>
    public async Task PassAsync(TimeSpan time)
    {
        var step = StepOf(time);
        for (var passed = TimeSpan.Zero; passed < time; passed += step)
            await StepAsync(step);
    }

    /// <summary>Long waits go in longer strides.</summary>
    private static TimeSpan StepOf(TimeSpan time) => time > TimeSpan.FromMinutes(5) ? 5 * Tick : Tick;

    /// <summary>Sets the wall clock; the monotonic one goes on as before.</summary>
    public void StepWallClock(TimeSpan by) => Time.Step = by;

    /// <summary>Waits until the message has ended and nothing is under way.</summary>
    public Task EndAsync(SpooledMessage message, TimeSpan within) =>
        UntilAsync(() => message.Progress.IsFinal && Flow.Sessions == 0, within);

    /// <summary>Waits until the condition holds, moving the clock by ticks; fails after a bounded time.</summary>
    public async Task UntilAsync(Func<bool> condition, TimeSpan within)
    {
        await RestAsync();
        var step = StepOf(within);
        for (var passed = TimeSpan.Zero; !condition(); passed += step)
        {
            Assert.True(passed <= within, "it did not happen in time: " + Describe());
            await StepAsync(step);
        }
    }

    /// <summary>Moves the clock on. The board's tick comes first, so that what follows from it happens at one time.
    /// </summary>
    private async Task StepAsync(TimeSpan step)
    {
        await RestAsync();
        var ticks = Flow.Ticks;
        Board.Tick(Time.GetElapsedTime(0) + step);
        Time.Advance(step);
        await RestAsync(() => Flow.Ticks > ticks || Flow.IsStopped);
    }

    /// <summary>Waits until nothing goes on any more but by the clock or by the test: virtual time must not pass while
    /// work waits for a thread, or a busy machine would make every target slow.</summary>
    private async Task RestAsync(Func<bool>? also = null)
    {
        var began = Stopwatch.GetTimestamp();
        for (var rests = 0; rests < 2; rests = IsAtRest && also?.Invoke() != false ? rests + 1 : 0)
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < RestWithin, "it does not come to rest: " + Describe());
            await Task.Yield();
        }
    }

    /// <summary>Whatever is at work shows in one of these. It may pass from one to another between two looks, but not
    /// without a move or a session.</summary>
    private bool IsAtRest
    {
        get
        {
            var moves = Targets.Moves;
            return AllWait && (Flow.IsQuiet || Flow.IsStopped) && Targets.AreAtRest && AllWait && Targets.Moves == moves;
        }
    }

    private bool AllWait =>
        Flow.Sessions + Flow.Loading <= Targets.Awaited + Spool.Waits.Count + Journal.Waits.Count;

    private string Describe() => $"{Flow.Counts}, {Flow.Sessions} sessions\n"
        + $"na {string.Join(" | ", NaTarget.Commands)}\n{string.Join("\n", Log.Lines)}\n"
        + $"eu {string.Join(" | ", EuTarget.Commands)}\n{string.Join("\n", Journal.Records)}";

    public async ValueTask DisposeAsync()
    {
        await Flow.DisposeAsync();
        _listener.Dispose();
        await _services.DisposeAsync();
    }

    private sealed class NoMx : IMxResolver
    {
        public ValueTask<MxAnswer> ResolveAsync(string domain, CancellationToken abort) =>
            ValueTask.FromResult(new MxAnswer(MxAnswerKind.NoSuchDomain, [], "no such domain"));
    }

    private sealed class NoHosts : IHostResolver
    {
        public ImmutableArray<IPAddress> Known(string host) => [];
        public ValueTask<ImmutableArray<IPAddress>> ResolveAsync(string host, CancellationToken abort) =>
            ValueTask.FromResult(ImmutableArray<IPAddress>.Empty);
    }
}

/// <summary>A clock that the test moves, whose wall time can be set apart from its monotonic time.</summary>
internal sealed class SteppedTime : FakeTimeProvider
{
    public TimeSpan Step { get; set; }
    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Step;
    // The stock clock takes its timestamps from the wall time.
    public override long GetTimestamp() => base.GetTimestamp() - Step.Ticks;
}

/// <summary>Log lines, for the message of a failed test.</summary>
internal sealed class MemoryLog : ILogger<DeliveryFlow>, ILogger<ConfigurationReload>
{
    public ConcurrentQueue<string> Lines { get; } = new();
    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;
    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter) => Lines.Enqueue($"{formatter(state, exception)} {exception}");
}

internal static class Fixed
{
    public static IOptionsMonitor<T> Of<T>(T value) => new Settable<T>(value);
}

internal sealed class Settable<T>(T value) : IOptionsMonitor<T>
{
    public T CurrentValue { get; set; } = value;
    public T Get(string? name) => CurrentValue;
    public IDisposable? OnChange(Action<T, string?> listener) => null;
}
