namespace Holdfast.Mail.Spool;

/// <summary>Counts appends between their start and their effect on the table, so that upkeep can wait until every
/// record that stands in the log is also known to the table.</summary>
internal sealed class AppendEpochs : IDisposable
{
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly int[] _under = new int[2];
    private int _now;
    private TaskCompletionSource? _drained;

    /// <summary>The caller gives the returned number to <see cref="Leave"/>.</summary>
    public int Enter()
    {
        lock (_gate)
        {
            _under[_now]++;
            return _now;
        }
    }

    public void Leave(int epoch)
    {
        TaskCompletionSource? drained = null;
        lock (_gate)
        {
            if (--_under[epoch] == 0 && epoch != _now)
                (drained, _drained) = (_drained, null);
        }
        drained?.TrySetResult();
    }

    /// <summary>Completes when all that entered before the call have left.</summary>
    public async ValueTask DrainAsync()
    {
        await _one.WaitAsync().ConfigureAwait(false);
        try
        {
            Task drained;
            lock (_gate)
            {
                var old = _now;
                _now ^= 1;
                if (_under[old] == 0)
                    return;
                _drained = new TaskCompletionSource();
                drained = _drained.Task;
            }
            await drained.ConfigureAwait(false);
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose() => _one.Dispose();
}
