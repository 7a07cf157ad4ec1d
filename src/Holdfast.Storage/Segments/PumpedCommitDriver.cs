namespace Holdfast.Storage.Segments;

/// <summary>Commits on the caller's thread when asked: a simulation decides when the writer runs.</summary>
public sealed class PumpedCommitDriver : CommitDriver
{
    private readonly Queue<Action> _beside = new();
    private SegmentWriter? _writer;

    /// <summary>Runs one commit and any work that waits beside it. False when there was nothing to do.</summary>
    public bool Pump()
    {
        var worked = false;
        while (_beside.TryDequeue(out var work))
        {
            work();
            worked = true;
        }
        return (_writer?.Commit() ?? false) || worked;
    }

    /// <summary>Runs until there is nothing left to do now.</summary>
    public void PumpAll()
    {
        while (Pump())
        {
        }
    }

    internal override void Start(SegmentWriter writer) => _writer = writer;

    /// <summary>Awaiting code goes on here, for repeatable runs.</summary>
    internal override void Complete(AppendOperation first, int count, Exception? error) =>
        Completions.Run(first, count, error, hereMax: count);

    internal override void Wake()
    {
    }

    internal override void WakeSoon()
    {
    }

    internal override void WakeAfter(TimeSpan delay)
    {
    }

    internal override void RunBeside(Action work) => _beside.Enqueue(work);

    internal override Task StopAsync()
    {
        PumpAll();
        return Task.CompletedTask;
    }
}
