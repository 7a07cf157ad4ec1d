using Microsoft.Extensions.Logging;

namespace Holdfast.Web.Accept;

/// <summary>Stands before the log that Kestrel writes to: what it says of each connection that it cuts off in a flood,
/// some of it several times and as critical, is counted, and told once in ten seconds at most.</summary>
/// <remarks>Whoever floods must not flood the log. Everything else passes as it is. A connection that is named again
/// among the last <see cref="KnownMax"/> isn't counted again.</remarks>
internal sealed partial class FloodLog(ILoggerFactory loggers, WebMetrics metrics, TimeProvider time, ILogger logger)
    : ILoggerFactory
{
    internal const string Category = "Microsoft.AspNetCore.Server.Kestrel.Http2";
    internal const int KnownMax = 256;
    private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(10);
    private readonly ILogger _logger = logger;
    private readonly Lock _gate = new();
    private readonly Queue<string> _known = new();
    private int _cutCount;
    private long? _toldAt;

    public ILogger CreateLogger(string categoryName)
    {
        var inner = loggers.CreateLogger(categoryName);
        return categoryName == Category ? new Filter(this, inner) : inner;
    }

    public void AddProvider(ILoggerProvider provider) => loggers.AddProvider(provider);

    public void Dispose()
    {
        // The log isn't ours.
    }

    private static bool IsCut(string? name) => name is "Http2QueueOperationsExceeded"
        or "Http2FlowControlQueueOperationsExceeded" or "Http2TooManyEnhanceYourCalms";

    private void Cut(string connection)
    {
        int cut;
        lock (_gate)
        {
            if (_known.Contains(connection))
                return;
            if (_known.Count == KnownMax)
                _known.Dequeue();
            _known.Enqueue(connection);
            metrics.ConnectionCut();
            _cutCount++;
            if (_toldAt is { } told && time.GetElapsedTime(told) < s_quiet)
                return;
            _toldAt = time.GetTimestamp();
            (cut, _cutCount) = (_cutCount, 0);
        }
        Flooded(cut);
    }

    private sealed class Filter(FloodLog log, ILogger inner) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => inner.BeginScope(state);

        /// <summary>Some of the words that are counted are said at this level.</summary>
        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Debug || inner.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (IsCut(eventId.Name))
            {
                log.Cut(ConnectionOf(state));
                return;
            }
            if (inner.IsEnabled(logLevel))
                inner.Log(logLevel, eventId, state, exception, formatter);
        }

        private static string ConnectionOf<TState>(TState state)
        {
            if (state is IReadOnlyList<KeyValuePair<string, object?>> fields)
            {
                foreach (var (name, value) in fields)
                {
                    if (name == "ConnectionId")
                        return value as string ?? "";
                }
            }
            return "";
        }
    }

    [LoggerMessage(EventId = 4011, Level = LogLevel.Warning, Message = "Cut off {Cut} HTTP/2 connections since the "
        + "last word: their clients flood with resets or with frames that must be answered")]
    private partial void Flooded(int cut);
}
