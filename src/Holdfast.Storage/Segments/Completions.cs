namespace Holdfast.Storage.Segments;

/// <summary>Lets those go on who waited for a batch, a few at a time.</summary>
/// <remarks>One work item an append would cost the writer more than its share of the write; one for all would leave the
/// other processors idle. So a pool thread takes <see cref="EachMax"/> (more of a large batch), and their continuations
/// run on it one after the other. Where nothing else is to be written the last few run on the committing thread itself;
/// where they are quick, as many as there is time for.</remarks>
internal sealed class Completions : IThreadPoolWorkItem
{
    /// <summary>Of a batch that has few for each processor.</summary>
    public const int EachMax = 8;
    private readonly AppendOperation _first;
    private readonly int _count;
    private readonly Exception? _error;

    private Completions(AppendOperation first, int count, Exception? error)
    {
        _first = first;
        _count = count;
        _error = error;
    }

    public void Execute() => Finish(_first, _count, _error);

    /// <summary>Completes as many operations of the chain.</summary>
    /// <param name="first">Begin of the chain.</param>
    /// <param name="count">How many.</param>
    /// <param name="error">Null: they succeeded.</param>
    /// <param name="hereMax">How many of the last ones may be completed on this thread.</param>
    public static void Run(AppendOperation first, int count, Exception? error, int hereMax)
    {
        // Some parts for each processor: a queued part costs this thread a microsecond.
        var each = Math.Max(EachMax, count / (2 * Environment.ProcessorCount));
        while (count > hereMax)
        {
            var part = Math.Min(count - hereMax, each);
            var begin = first;
            for (var i = 0; i < part && count > part; i++) first = first.Next!;
            ThreadPool.UnsafeQueueUserWorkItem(new Completions(begin, part, error), preferLocal: false);
            count -= part;
        }
        Finish(first, count, error);
    }

    /// <summary>Completes operations of the chain on this thread until the time is up, the others on the pool.
    /// </summary>
    /// <returns>How many were completed here; one at least.</returns>
    public static int RunFor(AppendOperation first, int count, Exception? error, TimeProvider time, TimeSpan limit)
    {
        var began = time.GetTimestamp();
        var done = 0;
        do
        {
            first = FinishOne(first, error);
            done++;
        }
        while (done < count && time.GetElapsedTime(began) < limit);
        if (done < count) Run(first, count - done, error, hereMax: 0);
        return done;
    }

    private static void Finish(AppendOperation operation, int count, Exception? error)
    {
        for (; count > 0; count--) operation = FinishOne(operation, error);
    }

    /// <summary>Returns the one after it.</summary>
    private static AppendOperation FinishOne(AppendOperation operation, Exception? error)
    {
        var next = operation.Next!; // Once completed it belongs to the next producer.
        operation.Next = null;
        operation.Finish(error);
        return next;
    }
}
