using Holdfast.Storage.Journal;

namespace Holdfast.Sim.PowerCuts;

/// <summary>Evidence in memory.</summary>
internal sealed class KeptEvidence : IEvidenceJournal
{
    private readonly List<EvidenceRecord> _records = [];

    public IReadOnlyList<EvidenceRecord> Records => _records;

    public void Append(EvidenceRecord record)
    {
        lock (_records)
            _records.Add(record);
    }

    public Task FlushAsync(CancellationToken abort) => Task.CompletedTask;
}
