using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace Holdfast.Mail.Receive;

/// <summary>One bound endpoint: accepts connections, within the bounds, and owns their sessions.</summary>
/// <remarks>Its rules may be swapped while it runs; sessions take the new ones at their next message.</remarks>
internal sealed partial class ListenerHost(ReceiveContext context, ListenerPolicy policy) : IAsyncDisposable
{
    /// <summary>Connections being told 421 at once; beyond it they are cut without a word, which is cheaper.</summary>
    private const int RefusalsMax = 256;
    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentDictionary<ReceiveSession, byte> _sessions = new();
    private readonly CancellationTokenSource _stop = new();
    private IConnectionListener? _listener;
    private Task _accepting = Task.CompletedTask;
    private int _refusals;

    public ListenerPolicy Policy { get => Volatile.Read(ref field); set => Volatile.Write(ref field, value); } = policy;

    public bool IsBound => _listener is not null;

    /// <summary>Why binding failed; null when it didn't.</summary>
    public string? Fault { get; private set; }

    /// <summary>Sessions end between messages, because the listener was removed or everything drains.</summary>
    public bool IsDraining
    {
        get => Volatile.Read(ref field) || context.IsDraining;
        private set => Volatile.Write(ref field, value);
    }

    public ICollection<ReceiveSession> Sessions => _sessions.Keys;

    /// <summary>Binds and begins to accept. False, with <see cref="Fault"/>, when the endpoint can't be had.</summary>
    public async Task<bool> TryStartAsync(IConnectionListenerFactory factory, CancellationToken abort)
    {
        try
        {
            _listener = await factory.BindAsync(Policy.Endpoint, abort).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            if (Fault != e.Message)
                BindFailed(Policy.Name, Policy.Endpoint, e.Message);
            Fault = e.Message;
            return false;
        }
        Fault = null;
        Listening(Policy.Name, Policy.Endpoint, Policy.Role);
        _accepting = AcceptAsync(_listener);
        return true;
    }

    /// <summary>Stops accepting and asks the sessions to end between messages.</summary>
    public async Task StopAsync()
    {
        IsDraining = true;
        await _stop.CancelAsync().ConfigureAwait(false);
        if (_listener is { } listener)
            await listener.UnbindAsync(CancellationToken.None).ConfigureAwait(false);
        await _accepting.ConfigureAwait(false);
        _listener = null;
        foreach (var session in _sessions.Keys)
            session.Nudge();
    }

    /// <summary>Completes when every session has ended; when aborted, cuts those that are left.</summary>
    public async Task DrainAsync(CancellationToken abort)
    {
        await using (abort.UnsafeRegister(static host => ((ListenerHost)host!).Cut(), this).ConfigureAwait(false))
        {
            while (!_sessions.IsEmpty)
            {
                // A session's own fault, told where it happened, must not keep what follows from being drained.
                foreach (var session in _sessions.Keys)
                    await session.Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Looks for sessions whose time is up. Called every second.</summary>
    public void Sweep()
    {
        foreach (var (session, _) in _sessions)
            session.Sweep();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        Cut();
        await DrainAsync(CancellationToken.None).ConfigureAwait(false);
        if (_listener is { } listener)
            await listener.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private void Cut()
    {
        foreach (var session in _sessions.Keys)
            session.Cut();
    }

    private async Task AcceptAsync(IConnectionListener listener)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var connection = await listener.AcceptAsync(_stop.Token).ConfigureAwait(false);
                if (connection is null)
                    return;
                Begin(connection);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                // Out of descriptors or memory, or a client that is gone already: a pause keeps this from spinning.
                AcceptFailed(Policy.Name, e.Message);
                await Task.Delay(AcceptPause, context.Time, CancellationToken.None).ConfigureAwait(false);
            }
        }
    }

    private void Begin(ConnectionContext connection)
    {
        var entry = SessionEntry.Admitted;
        if (!context.Limits.TryEnter(context.Policy.Options.ConnectionsMax))
        {
            context.Metrics.Shed(Policy.Name, "connections");
            entry = Interlocked.Increment(ref _refusals) <= RefusalsMax ? SessionEntry.Refused : SessionEntry.Cut;
        }
        var session = new ReceiveSession(context, this, connection, entry);
        _sessions.TryAdd(session, 0);
        session.Completion = Task.Run(() => RunAsync(session, entry));
    }

    private async Task RunAsync(ReceiveSession session, SessionEntry entry)
    {
        try
        {
            await session.RunAsync().ConfigureAwait(false);
        }
        finally
        {
            if (entry == SessionEntry.Admitted)
                context.Limits.Leave();
            else
                Interlocked.Decrement(ref _refusals);
            _sessions.TryRemove(session, out _);
        }
    }

    [LoggerMessage(EventId = 2000, Level = LogLevel.Information,
        Message = "Listener {Listener} takes mail on {Endpoint} ({Role})")]
    private static partial void LogListening(ILogger logger, string listener, EndPoint endpoint, ListenerRole role);

    private void Listening(string listener, EndPoint endpoint, ListenerRole role) =>
        LogListening(context.Logger, listener, endpoint, role);

    [LoggerMessage(EventId = 2001, Level = LogLevel.Warning,
        Message = "Listener {Listener} could not have {Endpoint}: {Fault}. Tried again every few seconds")]
    private static partial void LogBindFailed(ILogger logger, string listener, EndPoint endpoint, string fault);

    private void BindFailed(string listener, EndPoint endpoint, string fault) =>
        LogBindFailed(context.Logger, listener, endpoint, fault);

    [LoggerMessage(EventId = 2002, Level = LogLevel.Warning,
        Message = "Listener {Listener} could not accept a connection: {Fault}. Is the limit of open files too low?")]
    private static partial void LogAcceptFailed(ILogger logger, string listener, string fault);

    private void AcceptFailed(string listener, string fault) => LogAcceptFailed(context.Logger, listener, fault);
}
