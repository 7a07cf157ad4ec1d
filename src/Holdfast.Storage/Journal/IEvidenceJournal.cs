namespace Holdfast.Storage.Journal;

/// <summary>Takes evidence records from every part; append-only, kept by age and bytes.</summary>
public interface IEvidenceJournal
{
    /// <summary>Appends a record. Never blocks and never throws: when its buffer is full the record is dropped and
    /// counted, since evidence must not hold up mail.</summary>
    void Append(EvidenceRecord record);

    /// <summary>Returns when what was appended before is the kernel's (a kill of the process no longer takes it), or
    /// was dropped and counted. For the few records that must stand before what they explain.</summary>
    Task FlushAsync(CancellationToken abort);
}
