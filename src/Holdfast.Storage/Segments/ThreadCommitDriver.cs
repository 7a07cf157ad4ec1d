namespace Holdfast.Storage.Segments;

/// <summary>One long-lived thread commits; it sleeps while there is nothing to do.</summary>
/// <remarks>After work it dozes for a moment first, in which lazy appends don't wake it: with mail flowing they go with
/// the next synced one, and a crash of the process can cost no more of them than that moment's.</remarks>
public sealed class ThreadCommitDriver : CommitDriver
{
    /// <summary>About as long as a sync takes on a busy disk.</summary>
    private static readonly TimeSpan Doze = TimeSpan.FromMilliseconds(2);

    private readonly TimeProvider _time;
    private readonly Lock _besideGate = new();
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    // Monitor needs an object: Lock has no Wait.
    private readonly object _gate = new();
    private SegmentWriter? _writer;
    private ITimer? _timer;
    private Task _beside = Task.CompletedTask;
    private bool _isSleeping;
    private bool _isDozing;
    private bool _isWoken;
    private bool _isStopping;

    public ThreadCommitDriver(TimeProvider time) => _time = time;

    internal override bool ContinuesAsynchronously => true;

    internal override void Start(SegmentWriter writer)
    {
        _writer = writer;
        _timer = _time.CreateTimer(static state => ((ThreadCommitDriver)state!).Wake(), this, Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
        new Thread(Run) { IsBackground = true, Name = "segment log" }.Start();
    }

    internal override void Wake()
    {
        lock (_gate)
        {
            _isWoken = true;
            if (_isSleeping) Monitor.Pulse(_gate);
        }
    }

    internal override void WakeSoon()
    {
        lock (_gate)
        {
            if (_isDozing) return;
            _isWoken = true;
            if (_isSleeping) Monitor.Pulse(_gate);
        }
    }

    internal override void WakeAfter(TimeSpan delay) => _timer?.Change(delay, Timeout.InfiniteTimeSpan);

    internal override void RunBeside(Action work)
    {
        lock (_besideGate)
        {
            // Long-running: it waits for the disk, which no pool thread should.
            _beside = Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning,
                TaskScheduler.Default);
        }
    }

    internal override async Task StopAsync()
    {
        lock (_gate)
        {
            _isStopping = true;
            Monitor.Pulse(_gate);
        }
        await _stopped.Task.ConfigureAwait(false);
        if (_timer is not null) await _timer.DisposeAsync().ConfigureAwait(false);
        await _beside.ConfigureAwait(false);
    }

    private void Run()
    {
        try
        {
            while (true)
            {
                var worked = false;
                while (_writer!.Commit()) worked = true;
                lock (_gate)
                {
                    if (worked && !_isWoken && !_isStopping)
                    {
                        // What was left meanwhile is looked for when it ends, so it needn't wake.
                        _isDozing = _isSleeping = true;
                        Monitor.Wait(_gate, Doze);
                        _isDozing = _isSleeping = false;
                        _isWoken = true;
                    }
                    while (!_isWoken && !_isStopping)
                    {
                        _isSleeping = true;
                        Monitor.Wait(_gate);
                        _isSleeping = false;
                    }
                    if (_isStopping && !_isWoken) break;
                    _isWoken = false;
                }
            }
            _stopped.SetResult();
        }
#pragma warning disable CA1031 // Whatever ends the thread must reach the owner, who awaits StopAsync.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _writer!.Abandon(e);
            _stopped.SetException(e);
        }
    }
}
