namespace Holdfast.Sim;

/// <summary>A clock that the simulation moves; each timer fires at its own due time.</summary>
/// <remarks>
/// <see cref="Advance"/> stops at every timer on its way, in the order of (due time, sequence of being set), and what a
/// callback sets is fired too if it falls due before the end: a callback never sees a late <c>now</c>, as it would with
/// a clock that jumps to the end first. One thread; callbacks run within <see cref="Advance"/>. The wall clock may be
/// stepped, which neither the timestamp nor any timer feels.
/// </remarks>
internal sealed class SimulatedTime : TimeProvider
{
    private readonly PriorityQueue<(Timer Timer, long Setting), (long Due, long Sequence)> _timers = new();
    private long _ticks;
    private long _wallOffset;
    private long _sequence;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;
    public override long GetTimestamp() => _ticks;
    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddTicks(_ticks + _wallOffset);

    /// <summary>Moves the clock on, and fires what falls due on the way.</summary>
    public void Advance(TimeSpan by)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(by, TimeSpan.Zero);
        var end = _ticks + by.Ticks;
        while (_timers.TryPeek(out _, out var next) && next.Due <= end)
        {
            var (timer, setting) = _timers.Dequeue();
            if (!timer.IsCurrent(setting))
                continue;
            _ticks = Math.Max(_ticks, next.Due);
            timer.Fire();
        }
        _ticks = end;
    }

    /// <summary>When the next timer falls due, as a timestamp; null: none is set.</summary>
    public long? NextDue
    {
        get
        {
            while (_timers.TryPeek(out var next, out var at))
            {
                if (next.Timer.IsCurrent(next.Setting))
                    return at.Due;
                _timers.Dequeue();
            }
            return null;
        }
    }

    /// <summary>Steps the wall clock, forwards or back.</summary>
    public void StepWallClock(TimeSpan by) => _wallOffset += by.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Timer(SimulatedTime time, TimerCallback callback, object? state) : ITimer
    {
        private long _setting;
        private long _due;
        private TimeSpan _period = Timeout.InfiniteTimeSpan;
        private bool _isDisposed;

        public bool IsCurrent(long setting) => setting == _setting && !_isDisposed;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            if (_isDisposed)
                return false;
            _setting++;
            _period = period;
            if (dueTime == Timeout.InfiniteTimeSpan)
                return true;
            Set(time._ticks + Math.Max(0, dueTime.Ticks));
            return true;
        }

        public void Fire()
        {
            // As with the system's timers: a period of zero or less is none.
            if (_period > TimeSpan.Zero)
                Set(_due + _period.Ticks);
            else
                _setting++;
            callback(state);
        }

        public void Dispose() => _isDisposed = true;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Set(long due)
        {
            _due = due;
            time._timers.Enqueue((this, _setting), (due, time._sequence++));
        }
    }
}
