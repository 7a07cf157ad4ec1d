namespace Holdfast.Web;

/// <summary>What became of one service's sessions since the start.</summary>
internal sealed class SessionCounts
{
    private long _bound;
    private long _kept;
    private long _moved;

    public void Count(bool isKept, bool isNew)
    {
        if (isKept)
            Interlocked.Increment(ref _kept);
        else if (isNew)
            Interlocked.Increment(ref _bound);
        else
            Interlocked.Increment(ref _moved);
    }

    public WebSessionCounts Now => new(Interlocked.Read(ref _bound), Interlocked.Read(ref _kept),
        Interlocked.Read(ref _moved));
}
