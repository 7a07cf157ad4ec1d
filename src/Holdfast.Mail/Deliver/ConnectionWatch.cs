using System.Collections.Concurrent;

namespace Holdfast.Mail.Deliver;

/// <summary>Breaks off whatever waits too long, without a timer a connection.</summary>
/// <remarks>Its clock advances at most half a second a tick: when our own process was paused, no target is blamed for
/// silence that we didn't listen to.</remarks>
internal sealed class ConnectionWatch
{
    private static readonly TimeSpan StepMax = TimeSpan.FromMilliseconds(500);
    private readonly ConcurrentDictionary<TargetConnection, bool> _connections = new();
    private TimeSpan _last;
    private long _now;
    private bool _aborting;

    /// <summary>Time on the watch's own clock; moves with ticks only.</summary>
    public long Now => Volatile.Read(ref _now);

    public int Count => _connections.Count;

    public void Add(TargetConnection connection)
    {
        _connections.TryAdd(connection, true);
        if (Volatile.Read(ref _aborting))
            connection.Abort();
    }

    public void Remove(TargetConnection connection) => _connections.TryRemove(connection, out _);

    public void Tick(TimeSpan now)
    {
        var step = now - _last;
        _last = now;
        if (step <= TimeSpan.Zero)
            return;
        Volatile.Write(ref _now, _now + (step > StepMax ? StepMax : step).Ticks);
        foreach (var (connection, _) in _connections)
            connection.Check(_now);
    }

    /// <summary>Breaks all connections off, also those that are being opened: the drain's deadline passed.</summary>
    public void AbortAll()
    {
        Volatile.Write(ref _aborting, true);
        foreach (var (connection, _) in _connections)
            connection.Abort();
    }
}
