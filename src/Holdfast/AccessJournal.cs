using Holdfast.Evidence.Records;
using Holdfast.Storage.Disk;
using Holdfast.Telemetry;
using Holdfast.Web.Records;
using Microsoft.Extensions.Options;

namespace Holdfast;

/// <summary>Binds the records of web requests to files: <c>access/</c> in the data directory.</summary>
internal sealed class AccessJournal : IAccessRecords, IAsyncDisposable
{
    /// <summary>Records that may wait: some 10 MiB.</summary>
    public const int QueueMax = 16_384;
    private readonly AccessLine _line = new();
    private readonly RecordJournal<AccessRecord> _journal;

    public AccessJournal(IDisk disk, IOptionsMonitor<RecordOptions> options, TimeProvider time, AccessMetrics metrics,
        ILogger<AccessJournal> logger) => _journal = new RecordJournal<AccessRecord>(disk, "access", "web requests",
            QueueMax, () => new JournalKeep(options.CurrentValue.KeepFor, options.CurrentValue.KeepBytes), _line.Write,
            time, metrics, logger);

    public void Append(AccessRecord record) => _journal.Append(record);

    public Task FlushAsync(CancellationToken abort) => _journal.FlushAsync(abort);

    public async ValueTask DisposeAsync()
    {
        await _journal.DisposeAsync();
        _line.Dispose();
    }
}
