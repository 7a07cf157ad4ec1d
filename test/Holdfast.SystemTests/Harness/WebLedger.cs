using System.Collections.Concurrent;

namespace Holdfast.SystemTests.Harness;

/// <summary>What web targets have done, together: an act that was done twice is seen wherever the second time was.</summary>
internal sealed class WebLedger
{
    private readonly ConcurrentDictionary<string, int> _acts = new(StringComparer.Ordinal);
    private int _repeated;

    /// <summary>Acts done again after the first time.</summary>
    public int Repeated => Volatile.Read(ref _repeated);

    /// <param name="id">The client's name for its act (X-Act); a new one for each that it means.</param>
    public void Done(string id)
    {
        if (_acts.AddOrUpdate(id, 1, (_, count) => count + 1) > 1)
            Interlocked.Increment(ref _repeated);
    }

    public int Times(string id) => _acts.GetValueOrDefault(id);
}
