using Microsoft.Extensions.Options;

namespace Holdfast.Configuration;

/// <summary>Holds the configuration that is in force and swaps it whole.</summary>
internal sealed partial class ConfigurationStore(ConfigurationSnapshot first, ILogger<ConfigurationStore> logger)
{
    private readonly Lock _gate = new();
    private readonly List<Listener> _listeners = [];

    public ConfigurationSnapshot Current
    {
        get => Volatile.Read(ref field);
        private set => Volatile.Write(ref field, value);
    } = first;

    /// <summary>Puts a checked configuration in force, then tells those whose section changed.</summary>
    public void Swap(ConfigurationSnapshot next)
    {
        Listener[] told;
        ConfigurationSnapshot before;
        lock (_gate)
        {
            before = Current;
            Current = next;
            told = [.. _listeners];
        }
        foreach (var listener in told)
        {
            if (before.TextOf(listener.Type) == next.TextOf(listener.Type))
                continue;
            try
            {
                listener.Tell(next);
            }
#pragma warning disable CA1031 // One room's trouble with a new value must not keep it from the others.
            catch (Exception e)
#pragma warning restore CA1031
            {
                ListenerFailed(listener.Type.Name, e);
            }
        }
    }

    public IDisposable OnChange(Type type, Action<ConfigurationSnapshot> tell)
    {
        var listener = new Listener(this, type, tell);
        lock (_gate)
            _listeners.Add(listener);
        return listener;
    }

    private sealed record Listener(ConfigurationStore Store, Type Type, Action<ConfigurationSnapshot> Tell)
        : IDisposable
    {
        public void Dispose()
        {
            lock (Store._gate)
                Store._listeners.RemoveAll(l => ReferenceEquals(l, this));
        }
    }

    [LoggerMessage(EventId = 1010, Level = LogLevel.Error,
        Message = "A listener for changes of {Options} failed; the new values are in force all the same")]
    private partial void ListenerFailed(string options, Exception exception);
}

/// <summary>The options of one room, as the rooms see them.</summary>
internal sealed class ReloadedOptions<T>(ConfigurationStore store) : IOptionsMonitor<T>, IOptions<T> where T : class
{
    public T CurrentValue => store.Current.Get<T>();
    public T Value => store.Current.Get<T>();
    public T Get(string? name) => store.Current.Get<T>();
    public IDisposable OnChange(Action<T, string?> listener) =>
        store.OnChange(typeof(T), snapshot => listener(snapshot.Get<T>(), null));
}
