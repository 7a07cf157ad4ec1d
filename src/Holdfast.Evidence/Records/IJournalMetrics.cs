namespace Holdfast.Evidence.Records;

/// <summary>What a journal tells of itself.</summary>
public interface IJournalMetrics
{
    void Written(int records);

    /// <param name="why"><c>queue_full</c>, <c>format</c>, or how the disk failed.</param>
    void Dropped(long records, string why);

    /// <summary>What lies on the disk now.</summary>
    void Kept(long bytes, int files);
}
