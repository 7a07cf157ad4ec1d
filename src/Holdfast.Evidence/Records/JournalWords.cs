using Microsoft.Extensions.Logging;

namespace Holdfast.Evidence.Records;

/// <summary>What a journal tells in the log.</summary>
internal sealed partial class JournalWords(string what, ILogger logger)
{
    private readonly ILogger _logger = logger;

    public void WriteFailed(Exception cause) => WriteFailed(what, cause);
    public void WritesAgain() => WritesAgain(what);
    public void QueueWasFull(long records) => QueueWasFull(records, what);

    [LoggerMessage(EventId = 3200, Level = LogLevel.Warning,
        Message = "Records ({What}) can't be written and are dropped until they can: free space or repair the disk")]
    private partial void WriteFailed(string what, Exception cause);

    [LoggerMessage(EventId = 3201, Level = LogLevel.Information, Message = "Records ({What}) are written again")]
    private partial void WritesAgain(string what);

    [LoggerMessage(EventId = 3202, Level = LogLevel.Warning,
        Message = "{Records} records ({What}) were dropped: they came faster than the disk took them")]
    private partial void QueueWasFull(long records, string what);
}
