using System.Diagnostics.Metrics;
using Holdfast.Tests.Storage.Keys;
using Holdfast.Web;
using Holdfast.Web.Accept;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Web.Accept;

public sealed class FloodLogTests : ILoggerFactory
{
    private readonly FakeTimeProvider _time = new();
    private readonly PemFiles.KeptLog _own = new();
    private readonly PemFiles.KeptLog _kestrels = new();
    private readonly ILogger _log;
    private long _cut;

    public FloodLogTests()
    {
        var meters = new ServiceCollection().AddMetrics().BuildServiceProvider().GetRequiredService<IMeterFactory>();
        var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Name == "holdfast.web.connections_cut" && instrument.Meter.Scope == meters)
                l.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, value, _, _) => _cut += value);
        listener.Start();
        _log = new FloodLog(this, new WebMetrics(meters), _time, _own).CreateLogger(FloodLog.Category);
    }

    ILogger ILoggerFactory.CreateLogger(string categoryName) => new Heard(_kestrels);
    void ILoggerFactory.AddProvider(ILoggerProvider provider) => throw new NotSupportedException();
    void IDisposable.Dispose()
    {
    }

    private void Cut(string connection, string name = "Http2QueueOperationsExceeded") => _log.Log(LogLevel.Critical,
        new EventId(60, name), new KeyValuePair<string, object?>[] { new("ConnectionId", connection) }, null,
        (_, _) => $"{connection} exceeded the output operations maximum queue size.");

    [Fact]
    public void A_flood_of_words_is_one_line_in_ten_seconds_that_tells_how_many_connections_there_were()
    {
        for (var i = 0; i < 500; i++)
        {
            Cut($"c{i}");
            Cut($"c{i}", i % 2 == 0 ? "Http2FlowControlQueueOperationsExceeded" : "Http2TooManyEnhanceYourCalms");
            Cut($"c{i}");
        }
        Assert.Equal(500, _cut);
        Assert.Contains("Cut off 1 ", Assert.Single(_own.Lines), StringComparison.Ordinal);
        _time.Advance(TimeSpan.FromSeconds(9.9));
        Cut("d");
        Assert.Single(_own.Lines);
        _time.Advance(TimeSpan.FromSeconds(0.2));
        Cut("e");
        Assert.Contains("Cut off 501 ", _own.Lines.Last(), StringComparison.Ordinal);
        Assert.Empty(_kestrels.Lines);
    }

    [Fact]
    public void A_connection_long_ago_is_forgotten_and_may_come_again()
    {
        for (var i = 0; i <= FloodLog.KnownMax; i++)
            Cut($"c{i}");
        Cut("c1");
        Assert.Equal(FloodLog.KnownMax + 1, _cut);
        Cut("c0");
        Assert.Equal(FloodLog.KnownMax + 2, _cut);
    }

    [Fact]
    public void What_else_is_said_passes_if_it_is_heard()
    {
        _log.Log(LogLevel.Critical, new EventId(7, "Other"), "state", null, (_, _) => "something else");
        _log.Log(LogLevel.Debug, new EventId(8, "Other"), "state", null, (_, _) => "too much");
        Assert.Contains("something else", Assert.Single(_kestrels.Lines), StringComparison.Ordinal);
        Assert.Equal(0, _cut);
    }

    /// <summary>From Warning on.</summary>
    private sealed class Heard(ILogger log) : ILogger
    {
        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) => log.Log(logLevel, eventId, state, exception, formatter);
    }
}
