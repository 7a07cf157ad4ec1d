using System.Collections.Concurrent;
using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;
using Holdfast.Traffic;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Holdfast.Mail.Deliver;

/// <summary>Sends what the spool holds to healthy targets, until each recipient is delivered, refused or expired.
/// </summary>
/// <remarks>
/// Promise: every waiting message is tried when a place for it is free and its time has come; nothing waits for a
/// target that is closed, and nothing is tried twice at once. Delivery is at least once: an outcome that is unknown is
/// tried again. Age is checked wherever a message sits. A stop finishes what is under way within DrainTimeout.
/// Threads: arrivals, completions and a 100 ms tick wake one pump; it hands messages to sessions, which go on by
/// themselves as long as there is mail for them.
/// Limits: InFlightMax attempts at once; one process a spool.
/// </remarks>
internal sealed partial class DeliveryFlow : IThreadPoolWorkItem, IAsyncDisposable
{
    private const int ArrivalsMax = 20_000;
    private const int SpareMax = 64;
    private static readonly TimeSpan TickEvery = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LoadPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan BreakOffMax = TimeSpan.FromSeconds(1);

    private readonly DeliveryContext _context;
    private readonly DeliverySettlement _settlement;
    private readonly DeliverySources _sources;
    private readonly ILogger _logger;
    private readonly ConcurrentQueue<SpooledMessage> _arrivals = new();
    private readonly ConcurrentStack<DeliverySession> _spare = new();
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _brokenOff = new();
    private readonly SemaphoreSlim _loadSignal = new(0, 1);
    private readonly DeliverySession.NextEntry _next;
    private readonly ITimer _wakeTimer;
    private readonly DeliveryUpkeep _upkeep;
    private Task _background = Task.CompletedTask;
    private int _pump;
    private int _sessions;
    private int _loading;
    private long _ticks;
    private bool _draining;

    public DeliveryFlow(DeliverySources sources, IMailSpool spool, ITrafficBoard board, IEvidenceJournal journal,
        IMxResolver mxResolver, IMxTlsPolicy mxTls, IHostResolver hosts, ITargetDialer dialer, DeliverMetrics metrics,
        TimeProvider time, Random random, ILogger<DeliveryFlow> logger)
    {
        _sources = sources;
        _logger = logger;
        var snapshot = sources.Take(RouteTable.FromOptions(sources.Route.CurrentValue));
        var placements = new DeliveryPlacements(board);
        var scheduler = new DeliveryScheduler(placements, snapshot.Options, new Random(random.Next()),
            time.GetElapsedTime(0));
        _context = new DeliveryContext(snapshot, new Random(random.Next()))
        {
            Spool = spool, Board = board, Placements = placements, Journal = journal, Scheduler = scheduler,
            Planner = new DeliveryPlanner(scheduler, board, time), MxResolver = mxResolver, MxTls = mxTls,
            HostResolver = hosts, Dialer = dialer, Time = time, Metrics = metrics,
            MxPort = sources.Route.CurrentValue.MxPort, BrokenOff = _brokenOff.Token,
        };
        _settlement = new DeliverySettlement(_context, logger);
        _upkeep = new DeliveryUpkeep(_context, _settlement, logger);
        _next = TryNext;
        _wakeTimer = time.CreateTimer(static state => ((DeliveryFlow)state!).Wake(), this, Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
        metrics.Observe(scheduler.Counts);
        spool.Arrived = OnArrived;
    }

    public ScheduleCounts Counts => _context.Scheduler.Counts();
    public int Connections => _context.Watch.Count;
    /// <summary>Sessions at work.</summary>
    public int Sessions => Volatile.Read(ref _sessions);
    /// <summary>Ticks carried out.</summary>
    public long Ticks => Volatile.Read(ref _ticks);
    /// <summary>Messages being read for their routes.</summary>
    public int Loading => Volatile.Read(ref _loading);
    /// <summary>The drain is over: nothing ticks any more.</summary>
    public bool IsStopped => _stop.IsCancellationRequested;
    /// <summary>Nothing is under way but waiting: for a place, a time, a target's answer, or the disk.</summary>
    public bool IsQuiet => Volatile.Read(ref _pump) == 0 && _arrivals.IsEmpty && _upkeep.Pending == 0
        && (Loading > 0 || !_context.Scheduler.HasUnrouted);

    /// <summary>For mail of our own that goes to one site and nowhere else.</summary>
    public DirectDispatch Direct => field ??= new DirectDispatch(_context);

    /// <summary>What the queue commands read and do.</summary>
    public DeliveryDesk Desk => field ??= new DeliveryDesk(_context, _settlement, Wake);

    /// <summary>Begins to deliver. Call before the spool opens, so that what it replays is taken in.</summary>
    public Task StartAsync(CancellationToken abort)
    {
        abort.ThrowIfCancellationRequested();
        var loaders = new Task[_context.Snapshot.Options.LoadersMax + 2];
        loaders[0] = TickAsync();
        loaders[1] = _upkeep.RunAsync(_stop.Token);
        for (var i = 2; i < loaders.Length; i++)
            loaders[i] = LoadAsync();
        _background = Task.WhenAll(loaders);
        return Task.CompletedTask;
    }

    /// <summary>Takes new options and rules; the topology is the board's. What waits is looked at again in the
    /// background when the rules changed.</summary>
    public Task ReloadAsync(bool rulesChanged, CancellationToken abort)
    {
        abort.ThrowIfCancellationRequested();
        var rules = rulesChanged ? RouteTable.FromOptions(_sources.Route.CurrentValue) : _context.Snapshot.Rules;
        var snapshot = _sources.Take(rules, _context.Snapshot);
        _context.Snapshot = snapshot;
        _context.Scheduler.Configure(snapshot.Options);
        _context.Scheduler.Reload(rules, rulesChanged);
        SignalLoad();
        Wake();
        return Task.CompletedTask;
    }

    /// <summary>Stops taking attempts up, waits for those under way at most DrainTimeout, then breaks them off.
    /// Progress stands in the spool. Cancelled: breaks them off at once, waits a moment for them to note that their
    /// outcome is unknown (what doesn't is found with an open attempt at the next start), and throws.</summary>
    public async Task DrainAsync(CancellationToken abort)
    {
        Volatile.Write(ref _draining, true);
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _sessions) == 0)
            _idle.TrySetResult();
        try
        {
            await _idle.Task.WaitAsync(_context.Snapshot.Options.DrainTimeout, _context.Time, abort)
                .ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            LogDrainBrokenOff(Volatile.Read(ref _sessions));
            _context.Watch.AbortAll();
            // A disk that fails keeps sessions and loaders waiting for messages that they can't read now.
            await _brokenOff.CancelAsync().ConfigureAwait(false);
            if (abort.IsCancellationRequested)
                await Task.WhenAny(_idle.Task, Task.Delay(BreakOffMax, _context.Time, CancellationToken.None))
                    .ConfigureAwait(false);
            abort.ThrowIfCancellationRequested();
            await _idle.Task.WaitAsync(abort).ConfigureAwait(false);
        }
        await _stop.CancelAsync().ConfigureAwait(false);
        // No session is left that a loader could serve.
        await _brokenOff.CancelAsync().ConfigureAwait(false);
        await _background.WaitAsync(abort).ConfigureAwait(false);
        foreach (var connection in _context.Cache.Sweep(_context.Now, TimeSpan.Zero, all: true))
            await _context.CloseAsync(connection).ConfigureAwait(false);
        await _context.Spool.FlushAsync().ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _wakeTimer.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
        _brokenOff.Dispose();
        _loadSignal.Dispose();
    }

    /// <summary>On the spool's thread: enqueues only.</summary>
    private void OnArrived(WaitingMessage waiting, SpooledMessage? loaded)
    {
        var age = _context.Time.GetUtcNow() - waiting.Id.Time;
        if (_arrivals.Count >= ArrivalsMax)
            loaded = null;
        _context.Scheduler.Arrive(waiting, loaded, age > TimeSpan.Zero ? age : TimeSpan.Zero, _context.Now);
        if (loaded is not null)
            _arrivals.Enqueue(loaded);
        else if (_loadSignal.CurrentCount == 0)
            SignalLoad();
        if (loaded is not null)
            Wake();
    }

    /// <summary>Has the pump look again, on a thread of the pool.</summary>
    public void Wake()
    {
        if (Interlocked.Exchange(ref _pump, 2) == 0)
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    void IThreadPoolWorkItem.Execute()
    {
        do
        {
            Volatile.Write(ref _pump, 1);
            try
            {
                Pump();
            }
            catch (Exception e)
            {
                LogPumpFailed(e);
            }
        }
        while (Interlocked.CompareExchange(ref _pump, 0, 1) != 1);
    }

    private void Pump()
    {
        while (_arrivals.TryDequeue(out var message))
        {
            if (!_context.Scheduler.TryClaim(message.Handle))
                continue;
            try
            {
                _context.Planner.Hand(message, _context.Snapshot);
            }
            catch (Exception e)
            {
                LogPumpFailed(e);
                _context.Scheduler.PutBack(message.Handle, TimeSpan.Zero, _context.Now);
            }
        }
        while (true)
        {
            if (TryBegin(out var taken, out var wake))
            {
                // On this thread until it waits for the target: handing it over would cost more than that.
                _ = SessionAsync(taken);
                continue;
            }
            if (wake != TimeSpan.MaxValue)
            {
                var wait = wake - _context.Now;
                _wakeTimer.Change(wait < TimeSpan.FromMilliseconds(1) ? TimeSpan.FromMilliseconds(1) : wait,
                    Timeout.InfiniteTimeSpan);
            }
            return;
        }
    }

    /// <summary>Takes a message for a new session, which is counted before the look at the drain: a drain that saw no
    /// session must not have one begin behind it, when the spool closes.</summary>
    private bool TryBegin(out TakenEntry taken, out TimeSpan wake)
    {
        var began = false;
        taken = default;
        wake = TimeSpan.MaxValue;
        Interlocked.Increment(ref _sessions);
        try
        {
            began = !Volatile.Read(ref _draining)
                && _context.Scheduler.TryTake(_context.Now, null, out taken, out wake);
        }
        finally
        {
            if (!began)
                LeaveSession();
        }
        return began;
    }

    private void LeaveSession()
    {
        if (Interlocked.Decrement(ref _sessions) == 0 && Volatile.Read(ref _draining))
            _idle.TrySetResult();
    }

    /// <summary>Owned by the count of sessions, which a drain waits for; never throws.</summary>
    private async Task SessionAsync(TakenEntry taken)
    {
        try
        {
            if (!_spare.TryPop(out var session))
                session = new DeliverySession(_context, _settlement, _logger);
            await session.RunAsync(taken, _next).ConfigureAwait(false);
            if (Volatile.Read(ref _sessions) <= SpareMax)
                _spare.Push(session);
        }
        catch (Exception e)
        {
            LogPumpFailed(e);
        }
        LeaveSession();
    }

    private bool TryNext(DeliveryRoute route, out TakenEntry taken)
    {
        taken = default;
        if (Volatile.Read(ref _draining))
            return false;
        if (!_arrivals.IsEmpty)
            Wake();
        if (_context.Scheduler.TryTake(_context.Now, route, out taken, out var wake))
            return true;
        if (wake != TimeSpan.MaxValue)
            Wake();
        return false;
    }

    private async Task TickAsync()
    {
        using var timer = new PeriodicTimer(TickEvery, _context.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false))
            {
                try
                {
                    await TickOnceAsync().ConfigureAwait(false);
                }
                catch (Exception e)
                {
                    LogPumpFailed(e);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The end of the drain.
        }
    }

    private async ValueTask TickOnceAsync()
    {
        var now = _context.Now;
        _context.Watch.Tick(now);
        foreach (var route in _context.Scheduler.Tick(now))
            LogDestination(route.Destination, route.IsClosed ? "closed: its mail waits, clocks stopped" : "open again");
        await _upkeep.TickAsync(now).ConfigureAwait(false);
        if (_context.Scheduler.HasUnrouted)
            SignalLoad();
        Wake();
        Interlocked.Increment(ref _ticks);
    }

    /// <summary>Reads messages whose routes aren't known (after a start, or when the rules changed).</summary>
    private async Task LoadAsync()
    {
        try
        {
            while (true)
            {
                await _loadSignal.WaitAsync(_stop.Token).ConfigureAwait(false);
                while (!_stop.IsCancellationRequested && TryBeginLoad(out var handle))
                {
                    SignalLoad();
                    var loaded = await LoadOneAsync(handle).ConfigureAwait(false);
                    Interlocked.Decrement(ref _loading);
                    // The disk has trouble: the others would fail too.
                    if (!loaded)
                        await Task.Delay(LoadPause, _context.Time, _stop.Token).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The end of the drain.
        }
    }

    private bool TryBeginLoad(out SpoolHandle handle)
    {
        Interlocked.Increment(ref _loading);
        if (_context.Scheduler.TryTakeUnrouted(out handle))
            return true;
        Interlocked.Decrement(ref _loading);
        return false;
    }

    /// <summary>False: it could not be read, and is tried again.</summary>
    private async ValueTask<bool> LoadOneAsync(SpoolHandle handle)
    {
        try
        {
            var message = await _context.Spool.LoadAsync(handle, _context.BrokenOff).ConfigureAwait(false);
            if (message is null)
            {
                _context.Scheduler.Ended(handle);
                return true;
            }
            await _settlement.NoteInterruptedAsync(message).ConfigureAwait(false);
            _context.Planner.Hand(message, _context.Snapshot);
            Wake();
        }
        catch (OperationCanceledException) when (_context.BrokenOff.IsCancellationRequested)
        {
            _context.Scheduler.PutBack(handle, TimeSpan.Zero, _context.Now);
        }
        catch (Exception e)
        {
            LogLoadFailed(e, handle.Slot);
            _context.Scheduler.PutBack(handle, TimeSpan.Zero, _context.Now);
            return false;
        }
        return true;
    }

    private void SignalLoad()
    {
        try
        {
            if (_loadSignal.CurrentCount == 0)
                _loadSignal.Release();
        }
        catch (SemaphoreFullException)
        {
            // Another thread signalled in between: one signal is enough.
        }
    }

    [LoggerMessage(EventId = 2300, Level = LogLevel.Information, Message = "Destination {Destination} is {State}")]
    private partial void LogDestination(string destination, string state);

    [LoggerMessage(EventId = 2301, Level = LogLevel.Error, Message = "Delivery's pump failed; it goes on")]
    private partial void LogPumpFailed(Exception e);

    [LoggerMessage(EventId = 2302, Level = LogLevel.Warning,
        Message = "{Count} attempts were still under way at the drain's deadline and were broken off")]
    private partial void LogDrainBrokenOff(int count);

    [LoggerMessage(EventId = 2303, Level = LogLevel.Warning,
        Message = "A waiting message (slot {Slot}) could not be read to learn its route; it is tried again")]
    private partial void LogLoadFailed(Exception e, int slot);
}
