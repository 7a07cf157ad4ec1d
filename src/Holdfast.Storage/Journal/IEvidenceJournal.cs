namespace Holdfast.Storage.Journal;

/// <summary>Takes evidence records from every part; append-only, kept by age and bytes.</summary>
public interface IEvidenceJournal
{
    /// <summary>Appends a record. Never blocks and never throws: when its buffer is full the record is dropped and
    /// counted, since evidence must not hold up mail.</summary>
    void Append(EvidenceRecord record);
}
