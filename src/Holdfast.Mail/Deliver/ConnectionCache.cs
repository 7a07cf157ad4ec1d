namespace Holdfast.Mail.Deliver;

/// <summary>Open connections that wait for the next message to the same target on the same route.</summary>
/// <remarks>Last in, first out, so that a quiet time closes the surplus.</remarks>
internal sealed class ConnectionCache
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Route, string Target), List<TargetConnection>> _idle = [];

    /// <summary>An idle connection that still looks alive, or null. Those found stale are handed to
    /// <paramref name="stale"/>.</summary>
    public TargetConnection? Take(string route, string target, TimeSpan now, TimeSpan idleTimeout,
        out TargetConnection? stale)
    {
        stale = null;
        lock (_gate)
        {
            if (!_idle.TryGetValue((route, target), out var list) || list.Count == 0)
                return null;
            var connection = list[^1];
            list.RemoveAt(list.Count - 1);
            if (!connection.IsStale(now, idleTimeout))
                return connection;
            stale = connection;
            return null;
        }
    }

    /// <summary>Keeps a connection. False: there are enough; the caller closes it.</summary>
    public bool TryKeep(string route, string target, TargetConnection connection, int most, TimeSpan now)
    {
        connection.IdleSince = now;
        lock (_gate)
        {
            if (!_idle.TryGetValue((route, target), out var list))
                _idle.Add((route, target), list = []);
            if (list.Count >= most)
                return false;
            list.Add(connection);
            return true;
        }
    }

    /// <summary>Takes out what was idle too long; with <paramref name="all"/> everything.</summary>
    public List<TargetConnection> Sweep(TimeSpan now, TimeSpan idleTimeout, bool all = false)
    {
        var old = new List<TargetConnection>();
        lock (_gate)
        {
            List<(string, string)>? empty = null;
            foreach (var (key, list) in _idle)
            {
                for (var i = list.Count - 1; i >= 0; i--)
                {
                    if (!all && !list[i].IsStale(now, idleTimeout))
                        continue;
                    old.Add(list[i]);
                    list.RemoveAt(i);
                }
                if (list.Count == 0)
                    (empty ??= []).Add(key);
            }
            foreach (var key in empty ?? [])
                _idle.Remove(key);
        }
        return old;
    }
}
