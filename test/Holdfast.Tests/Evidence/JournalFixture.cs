using System.Diagnostics.Metrics;
using System.Text;
using Holdfast.Evidence.Records;
using Holdfast.Evidence.Views;
using Holdfast.Sim.Disks;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Journal;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Evidence;

/// <summary>A journal on a simulated disk, with a clock moved by hand.</summary>
internal sealed class JournalFixture : IAsyncDisposable
{
    public static readonly DateTimeOffset Start = new(2026, 1, 22, 17, 45, 0, TimeSpan.Zero);
    private readonly MeterListener _listener = new();
    private readonly Dictionary<string, long> _counts = new(StringComparer.Ordinal);

    public JournalFixture()
    {
        Meters = new Meters();
        Metrics = new EvidenceMetrics(Meters);
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Scope == Meters || Meters.Made.Contains(instrument.Meter))
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, _, _) =>
        {
            lock (_counts)
                _counts[instrument.Name] = _counts.GetValueOrDefault(instrument.Name) + value;
        });
        _listener.Start();
        Journal = Open();
    }

    public Meters Meters { get; }
    public EvidenceMetrics Metrics { get; }
    public SimulatedDisk Disk { get; } = new();
    public FakeTimeProvider Time { get; } = new(Start);
    public EvidenceOptions Options { get; } = new();
    public EvidenceJournal Journal { get; private set; }

    public IEnumerable<string> Names =>
        Disk.List("evidence").Where(n => n.EndsWith(".jsonl", StringComparison.Ordinal));

    public long Count(string metric)
    {
        lock (_counts)
            return _counts.GetValueOrDefault(metric);
    }

    public async Task Reopen()
    {
        await Journal.DisposeAsync();
        Time.Advance(TimeSpan.FromSeconds(1));
        Journal = Open();
    }

    public void Add(EvidenceKind kind, string? id, string? recipient = null, string? site = null, string? reply = null,
        string? sender = null, string? reason = null, DateTimeOffset? next = null) => Journal.Append(new EvidenceRecord
        {
            At = Time.GetUtcNow(), Kind = kind, MessageId = id, Recipient = recipient, Site = site, Reply = reply,
            Sender = sender, Reason = reason, NextAttemptAt = next,
        });

    public Task Flush() => Journal.FlushAsync(TestContext.Current.CancellationToken);

    public async Task<List<MessageStory>> Find(string what, int limit = 20, DateTimeOffset? since = null,
        DateTimeOffset? until = null, bool isOffline = false)
    {
        var trace = new MessageTrace(Disk, isOffline ? null : Journal);
        var stories = new List<MessageStory>();
        await foreach (var story in trace.FindAsync(new TraceQuery(what, since, until, limit),
            TestContext.Current.CancellationToken))
        {
            stories.Add(story);
        }
        return stories;
    }

    public string Read(string name)
    {
        using var file = Disk.Open($"evidence/{name}", DiskOpenMode.OpenExisting);
        var bytes = new byte[file.Length];
        file.Read(0, bytes);
        return Encoding.UTF8.GetString(bytes);
    }

    public string All() => string.Concat(Names.Select(Read));

    public async ValueTask DisposeAsync()
    {
        await Journal.DisposeAsync();
        _listener.Dispose();
        Metrics.Dispose();
    }

    private EvidenceJournal Open() => new(Disk, new Monitor(Options), Time, Metrics,
        NullLogger<EvidenceJournal>.Instance);

    private sealed class Monitor(EvidenceOptions options) : IOptionsMonitor<EvidenceOptions>
    {
        public EvidenceOptions CurrentValue => options;
        public EvidenceOptions Get(string? name) => options;
        public IDisposable? OnChange(Action<EvidenceOptions, string?> listener) => null;
    }
}

internal sealed class Meters : IMeterFactory
{
    public List<Meter> Made { get; } = [];

    public Meter Create(MeterOptions options)
    {
        var meter = new Meter(options);
        Made.Add(meter);
        return meter;
    }

    public void Dispose() { }
}
