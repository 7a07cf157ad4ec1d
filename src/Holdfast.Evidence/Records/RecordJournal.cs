using System.Buffers;
using Holdfast.Storage.Disk;
using Microsoft.Extensions.Logging;

namespace Holdfast.Evidence.Records;

/// <summary>A journal of another project's records, which says itself how they are written.</summary>
/// <remarks>Promise and limits: as <see cref="LineJournal{T}"/>.</remarks>
public sealed class RecordJournal<T> : LineJournal<T> where T : class
{
    private readonly Func<JournalKeep> _keep;
    private readonly Action<T, IBufferWriter<byte>> _format;

    /// <param name="disk">Its root is the data directory.</param>
    /// <param name="directory">Directory of its own in that.</param>
    /// <param name="what">What the records are called in the log.</param>
    /// <param name="queueMax">Records that may wait to be written.</param>
    /// <param name="keep">How much is kept now.</param>
    /// <param name="format">Writes a record's line with its end; one thread calls it at a time.</param>
    public RecordJournal(IDisk disk, string directory, string what, int queueMax, Func<JournalKeep> keep,
        Action<T, IBufferWriter<byte>> format, TimeProvider time, IJournalMetrics metrics, ILogger logger)
        : base(disk, directory, what, queueMax, time, metrics, logger)
    {
        _keep = keep;
        _format = format;
        Start();
    }

    private protected override JournalKeep Keep => _keep();

    private protected override void Format(T record, IBufferWriter<byte> line) => _format(record, line);
}
