using System.Diagnostics.Metrics;
using Holdfast.Configuration;
using Holdfast.Storage.Journal;
using Holdfast.Tests.Mail.Deliver;
using Holdfast.Traffic.Targets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Holdfast.Tests.Configuration;

public sealed class ConfigurationReloadTests : IDisposable
{
    private const string One = """{ "Holdfast": { "Topology": { "Regions": [ { "Name": "na" } ] } } }""";
    private const string Two = """{ "Holdfast": { "Topology": { "Regions": [ { "Name": "na" }, { "Name": "eu" } ] } } }""";
    private const string Bad = """{ "Holdfast": { "Topology": { "Regions": [ { "Nam": "na" } ] } } }""";

    private readonly Records _records = new();
    private readonly MemoryLog _log = new();
    private readonly ConfigurationStore _store;
    private readonly ReloadedOptions<TopologyOptions> _topology;
    private readonly ConfigurationReload _reload;
    private string _text = One;

    public ConfigurationReloadTests()
    {
        _store = new ConfigurationStore(ConfigurationLoaderTests.Load(One).Snapshot!,
            NullLogger<ConfigurationStore>.Instance);
        _topology = new ReloadedOptions<TopologyOptions>(_store);
        _reload = new ConfigurationReload(_store, new ReloadSource("t.json", () => ConfigurationLoaderTests.Load(_text), () => _text),
            _records, new ConfigurationMetrics(new Meters()), TimeProvider.System, _log);
    }

    [Fact]
    public void A_good_file_is_in_force_at_once_and_its_readers_are_told()
    {
        TopologyOptions? told = null;
        using var listener = _topology.OnChange(o => told = o);
        _text = Two;
        var result = _reload.Reload("test");
        Assert.True(result is { IsInForce: true, HasChanged: true, NeedsRestart: [] });
        Assert.Equal(2, _topology.CurrentValue.Regions.Length);
        Assert.Same(told, _topology.CurrentValue);
        Assert.Contains("Holdfast:Topology", Assert.Single(_records.All).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bad_file_is_refused_whole_and_the_old_one_goes_on()
    {
        var before = _store.Current;
        using var listener = _topology.OnChange(_ => Assert.Fail("told of a refused file"));
        _text = Bad;
        var result = _reload.Reload("test");
        Assert.False(result.IsInForce);
        Assert.NotEmpty(result.Faults);
        Assert.Same(before, _store.Current);
        var record = Assert.Single(_records.All);
        Assert.Equal(EvidenceKind.ConfigurationChanged, record.Kind);
        Assert.StartsWith("refused", record.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ \"Name\": \"na\", \"Colour\": 1 }", "1 fault (test)")]
    [InlineData("{ \"Name\": \"na\", \"Colour\": 1, \"Size\": 2 }", "2 faults (test)")]
    public void The_log_of_a_refused_file_counts_its_faults(string region, string words)
    {
        _text = One.Replace("{ \"Name\": \"na\" }", region, StringComparison.Ordinal);
        _reload.Reload("test");
        Assert.Contains("the old one goes on: " + words, _log.Lines.First(), StringComparison.Ordinal);
        _log.Lines.Clear();
        _reload.Reload("test");
        Assert.Contains(words.Replace(" (", ", told before (", StringComparison.Ordinal), Assert.Single(_log.Lines),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_bad_file_asked_for_twice_is_on_record_once_and_told_to_both_who_asked()
    {
        _text = Bad;
        var first = _reload.Reload("the file changed");
        var second = _reload.Reload("asked by uid 0");
        Assert.Equal(first.Faults, second.Faults);
        Assert.False(second.IsInForce);
        Assert.Single(_records.All);
        _text = Bad + " ";
        _reload.Reload("the file changed");
        Assert.Equal(2, _records.All.Count);
    }

    [Fact]
    public void A_bad_file_that_comes_back_after_a_good_one_is_on_record_again()
    {
        foreach (var text in new[] { Bad, Two, Bad })
        {
            _text = text;
            _reload.Reload("test");
        }
        Assert.Equal(3, _records.All.Count);
    }

    [Fact]
    public void After_a_bad_file_the_corrected_one_is_taken()
    {
        _text = Bad;
        _reload.Reload("test");
        _text = Two;
        Assert.True(_reload.Reload("test").HasChanged);
    }

    [Fact]
    public void Comments_and_order_are_no_change()
    {
        _text = "// new words\n" + One.Replace("{ \"Name\": \"na\" }", "{ \"name\": \"na\", }", StringComparison.Ordinal);
        Assert.True(_reload.Reload("test") is { IsInForce: true, HasChanged: false });
        Assert.Empty(_records.All);
    }

    [Fact]
    public void Sections_that_did_not_change_are_not_told()
    {
        using var listener = _topology.OnChange(_ => Assert.Fail("told without a change"));
        _text = One.Replace("\"Topology\"", "\"Evidence\": { \"KeepFor\": \"1d\" }, \"Topology\"", StringComparison.Ordinal);
        Assert.True(_reload.Reload("test").HasChanged);
    }

    [Fact]
    public void What_is_read_only_at_start_is_said()
    {
        _text = One.Replace("\"Topology\"", "\"NodeId\": 7, \"Topology\"", StringComparison.Ordinal);
        Assert.Equal(["Holdfast"], _reload.Reload("test").NeedsRestart);
    }

    [Fact]
    public void A_listener_that_fails_keeps_nobody_else_from_the_change()
    {
        var told = false;
        using var first = _topology.OnChange(_ => throw new InvalidOperationException());
        using var second = _topology.OnChange(_ => told = true);
        _text = Two;
        _reload.Reload("test");
        Assert.True(told);
    }

    [Fact]
    public void Who_stopped_listening_is_not_told()
    {
        _topology.OnChange(_ => Assert.Fail("told after disposal"))!.Dispose();
        _text = Two;
        Assert.True(_reload.Reload("test").HasChanged);
    }

    public void Dispose() => _reload.Dispose();

    private sealed class Meters : IMeterFactory
    {
        public Meter Create(MeterOptions options) => new(options);
        public void Dispose() { }
    }

    private sealed class Records : IEvidenceJournal
    {
        public List<EvidenceRecord> All { get; } = [];
        public void Append(EvidenceRecord record) => All.Add(record);
        public Task FlushAsync(CancellationToken abort) => Task.CompletedTask;
    }
}
