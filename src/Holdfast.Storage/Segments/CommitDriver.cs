namespace Holdfast.Storage.Segments;

/// <summary>Decides on which thread the log commits: its own in production, the caller's in simulation.</summary>
public abstract class CommitDriver
{
    private protected CommitDriver()
    {
    }

    /// <summary>Lets those go on who wait for a chain of operations; called within a commit.</summary>
    internal abstract void Complete(AppendOperation first, int count, Exception? error);

    /// <summary>Begins to call the log's Commit whenever it was woken.</summary>
    internal abstract void Start(SegmentWriter writer);

    /// <summary>There is something to commit.</summary>
    internal abstract void Wake();

    /// <summary>There is something to commit that nobody waits for: it may go with what comes next.</summary>
    internal abstract void WakeSoon();

    /// <summary>Calls Commit once more after the delay.</summary>
    internal abstract void WakeAfter(TimeSpan delay);

    /// <summary>Runs slow work (making a segment) beside the commits.</summary>
    internal abstract void RunBeside(Action work);

    /// <summary>Ends after everything taken in was committed.</summary>
    internal abstract Task StopAsync();
}
