using System.Buffers;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Journal;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Holdfast.Evidence.Records;

/// <summary>Keeps what happened, one line of JSON a record, with an index beside each closed file.</summary>
/// <remarks>Promise and limits: as <see cref="LineJournal{T}"/>.</remarks>
public sealed class EvidenceJournal : LineJournal<EvidenceRecord>, IEvidenceJournal
{
    /// <summary>Records waiting to be written: at 200 ms between two writes a third of a million a second.</summary>
    public const int QueueMax = 65_536;
    internal const int FilterBytes = 1 << 20;
    internal const string DirectoryName = "evidence";
    private readonly IOptionsMonitor<EvidenceOptions> _options;
    private readonly EvidenceFiles _files;
    private readonly EvidenceLine _line = new();
    private BloomFilter _filter = null!;
    private DateTimeOffset _first;
    private DateTimeOffset _last;

    /// <param name="disk">Its root is the data directory; files go to <c>evidence/</c> in it.</param>
    public EvidenceJournal(IDisk disk, IOptionsMonitor<EvidenceOptions> options, TimeProvider time,
        EvidenceMetrics metrics, ILogger<EvidenceJournal> logger)
        : base(disk, DirectoryName, "evidence", QueueMax, time, metrics, logger)
    {
        _options = options;
        _files = new EvidenceFiles(disk, DirectoryName);
        Start();
    }

    private protected override JournalKeep Keep => new(_options.CurrentValue.KeepFor, _options.CurrentValue.KeepBytes);

    private protected override int IndexBytesMax => EvidenceIndex.BytesMax;

    private protected override void Format(EvidenceRecord record, IBufferWriter<byte> line) =>
        line.Write(_line.Write(record));

    /// <summary>Rare ones that people will ask for after a crash don't wait for company.</summary>
    private protected override bool IsUrgent(EvidenceRecord record) =>
        record.Kind is EvidenceKind.OutcomeUnknown or EvidenceKind.Alert or EvidenceKind.OperatorAct;

    private protected override void Opened() => (_filter, _first, _last) =
        (new BloomFilter(new byte[FilterBytes]), DateTimeOffset.MaxValue, DateTimeOffset.UnixEpoch);

    private protected override void Noted(EvidenceRecord record)
    {
        EvidenceKeys.AddTo(_filter, record);
        _first = record.At < _first ? record.At : _first;
        _last = record.At > _last ? record.At : _last;
    }

    private protected override void Closed(string name) =>
        _files.TryWriteIndex(name, new EvidenceIndex(_filter.Fold(), _first, _last));
}
