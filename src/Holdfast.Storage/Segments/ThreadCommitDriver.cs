namespace Holdfast.Storage.Segments;

/// <summary>Two long-lived threads commit in turns; they sleep while there is nothing to do.</summary>
/// <remarks>
/// Who has committed a small batch and finds nobody else waiting gives the turn up and lets the batch's callers go on
/// by itself: with one caller at a time nobody is woken at all, which costs half as much as the disk does. What they
/// append meanwhile it commits when it comes back; what others append wakes the second thread. When that one isn't free
/// to be woken, the callers go on on the pool. When others wait they do too, unless they have lately been so quick that
/// to wake a thread for them would take longer: then what waits and what they append becomes one batch, twice as large.
/// After work the last one dozes for a moment, in which lazy appends don't wake it: with mail flowing they go with the
/// next synced one, and a crash of the process can cost no more of them than that moment's.
/// </remarks>
public sealed class ThreadCommitDriver : CommitDriver
{
    private const int Threads = 2;
    /// <summary>About as long as a sync takes on a busy disk.</summary>
    private static readonly TimeSpan Doze = TimeSpan.FromMilliseconds(2);
    /// <summary>A caller that goes on on our thread should soon give it back; until then its appends wait this long.
    /// </summary>
    private static readonly TimeSpan RescueDelay = TimeSpan.FromMilliseconds(5);

    /// <summary>What it takes at least to wake another thread (measured: 8 to 20 µs of the one that wakes).</summary>
    private static readonly TimeSpan WakeCost = TimeSpan.FromMicroseconds(15);
    private const int MeanOver = 8;
    /// <summary>A batch: what was slow is tried again some hundred batches later.</summary>
    private const double ForgetFactor = 63.0 / 64;

    /// <summary>Whose callers this thread is running now.</summary>
    [ThreadStatic]
    private static ThreadCommitDriver? _runsCallersOf;

    private readonly TimeProvider _time;
    private readonly Lock _besideGate = new();
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    // Monitor needs an object: Lock has no Wait.
    private readonly object _gate = new();
    private SegmentWriter? _writer;
    private ITimer? _timer;
    private ITimer? _rescue;
    private Task _beside = Task.CompletedTask;
    private int _running = Threads;
    private int _sleeping;
    private bool _isCommitting;
    private bool _isDozing;
    private bool _isWoken;
    private bool _isStopping;
    private bool _isRescueDue;
    // The batch whose callers wait to go on; the committing thread's.
    private AppendOperation? _done;
    private int _doneCount;
    private Exception? _doneError;
    // How long a caller kept our thread lately. Of both threads, unguarded: a guess, bounded by WakeCost a batch.
    private double _callerMicros = 1;

    public ThreadCommitDriver(TimeProvider time) => _time = time;

    internal override void Start(SegmentWriter writer)
    {
        _writer = writer;
        _timer = Timer(static driver => driver.Wake());
        _rescue = Timer(static driver => driver.Rescue());
        for (var i = 0; i < Threads; i++) new Thread(Run) { IsBackground = true, Name = "segment log" }.Start();
    }

    internal override void Wake()
    {
        lock (_gate) Wanted();
    }

    internal override void WakeSoon()
    {
        lock (_gate)
        {
            if (!_isDozing) Wanted();
        }
    }

    internal override void WakeAfter(TimeSpan delay) => _timer?.Change(delay, Timeout.InfiniteTimeSpan);

    internal override void Complete(AppendOperation first, int count, Exception? error)
    {
        PassOn();
        (_done, _doneCount, _doneError) = (first, count, error);
    }

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
            Monitor.PulseAll(_gate);
        }
        await _stopped.Task.ConfigureAwait(false);
        if (_timer is not null) await _timer.DisposeAsync().ConfigureAwait(false);
        if (_rescue is not null) await _rescue.DisposeAsync().ConfigureAwait(false);
        await _beside.ConfigureAwait(false);
    }

    private ITimer Timer(Action<ThreadCommitDriver> action) => _time.CreateTimer(
        static state =>
        {
            var (driver, act) = ((ThreadCommitDriver, Action<ThreadCommitDriver>))state!;
            act(driver);
        }, (this, action), Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    private void Run()
    {
        try
        {
            var (worked, holdsTurn) = (false, false);
            while (TryTakeTurn(worked, holdsTurn))
            {
                worked = false;
                while (_writer!.Commit())
                {
                    worked = true;
                    if (_doneCount > 0 && (AreQuick(_doneCount) || !_writer.IsAwaited)) break;
                    PassOn();
                }
                holdsTurn = !TryRunCallers();
            }
            if (Interlocked.Decrement(ref _running) == 0) _stopped.TrySetResult();
        }
#pragma warning disable CA1031 // Whatever ends the thread must reach the owner, who awaits StopAsync.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _writer!.Abandon(e);
            PassOn();
            _stopped.TrySetException(e);
        }
    }

    /// <summary>Waits until something is to be committed and nobody does. False: it is over.</summary>
    private bool TryTakeTurn(bool worked, bool holdsTurn)
    {
        lock (_gate)
        {
            if (holdsTurn) _isCommitting = false;
            if (worked && !_isCommitting && !_isWoken && !_isStopping)
            {
                // What was left meanwhile is looked for when it ends, so it needn't wake.
                _isDozing = true;
                Sleep(Doze);
                _isDozing = false;
                _isWoken = true;
            }
            while (_isCommitting || !_isWoken)
            {
                if (_isStopping && !_isCommitting)
                {
                    Monitor.PulseAll(_gate);
                    return false;
                }
                Sleep(Timeout.InfiniteTimeSpan);
            }
            _isWoken = false;
            _isCommitting = true;
            return true;
        }
    }

    private void Sleep(TimeSpan limit)
    {
        _sleeping++;
        Monitor.Wait(_gate, limit);
        _sleeping--;
    }

    /// <summary>Lets the batch's callers go on, here when the turn can be given up for it. True: it was.</summary>
    private bool TryRunCallers()
    {
        if (_doneCount == 0) return false;
        var (first, count, error) = (_done!, _doneCount, _doneError);
        var areQuick = AreQuick(count);
        lock (_gate)
        {
            if (_isStopping || _sleeping == 0 || (_isWoken && !areQuick)) return PassOn();
            (_done, _doneCount, _doneError) = (null, 0, null);
            _isCommitting = false;
            if (_isWoken) RescueLater();
        }
        _runsCallersOf = this;
        if (areQuick)
        {
            var began = _time.GetTimestamp();
            var ran = Completions.RunFor(first, count, error, _time, WakeCost);
            _callerMicros += ((_time.GetElapsedTime(began).TotalMicroseconds / ran) - _callerMicros) / MeanOver;
        }
        else
        {
            _callerMicros *= ForgetFactor;
            Completions.Run(first, count, error, Completions.EachMax);
        }
        _runsCallersOf = null;
        return true;
    }

    /// <summary>To run so many callers here takes less than to wake another thread for them.</summary>
    private bool AreQuick(int count) => count * _callerMicros <= WakeCost.TotalMicroseconds;

    /// <summary>Lets them go on on the pool.</summary>
    private bool PassOn()
    {
        if (_doneCount == 0) return false;
        var (first, count, error) = (_done!, _doneCount, _doneError);
        (_done, _doneCount, _doneError) = (null, 0, null);
        _callerMicros *= ForgetFactor;
        Completions.Run(first, count, error, hereMax: 0);
        return false;
    }

    /// <summary>Under the gate: there is something to commit.</summary>
    private void Wanted()
    {
        _isWoken = true;
        if (_isCommitting) return;
        if (_runsCallersOf != this)
        {
            if (_sleeping > 0) Monitor.Pulse(_gate);
            return;
        }
        RescueLater();
    }

    private void RescueLater()
    {
        if (_isRescueDue) return;
        _isRescueDue = true;
        _rescue?.Change(RescueDelay, Timeout.InfiniteTimeSpan);
    }

    private void Rescue()
    {
        lock (_gate)
        {
            _isRescueDue = false;
            if (_isWoken && !_isCommitting && _sleeping > 0) Monitor.Pulse(_gate);
        }
    }
}
