using Holdfast.Storage.Journal;

namespace Holdfast.Sim.Delivery;

/// <summary>Counts what the journal would keep.</summary>
internal sealed class EdgeEvidence : IEvidenceJournal
{
    private readonly long[] _counts = new long[256];

    public long Count(EvidenceKind kind) => _counts[(byte)kind];

    public void Append(EvidenceRecord record) => _counts[(byte)record.Kind]++;

    public Task FlushAsync(CancellationToken abort) => Task.CompletedTask;
}
