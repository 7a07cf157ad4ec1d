using System.Net;
using System.Net.Sockets;
using Holdfast.Mail.Route;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Mail.Deliver;

/// <summary>The session's one connection: found in the cache, opened, kept, closed.</summary>
internal sealed partial class DeliverySession
{
    /// <summary>Makes the session's connection one to the target, from the cache if need be; null: open one.</summary>
    private async ValueTask UseConnectionAsync(string route, string target)
    {
        var options = _context.Snapshot.Options;
        if (_connection is not null)
        {
            if (_connection.IsUsable && _connectedTo == (route, target) && !IsSpent(_connection)
                && _connection.Unasked == Unread.Nothing)
                return;
            await KeepConnectionAsync().ConfigureAwait(false);
        }
        while (true)
        {
            _connection = _context.Cache.Take(route, target, _context.Now, options.IdleTimeout, out var stale);
            _connectedTo = (route, target);
            // A reload may have made the share of a connection smaller while it waited.
            if (stale is null && (_connection is null || !IsSpent(_connection)))
                return;
            await _context.CloseAsync((stale ?? _connection)!).ConfigureAwait(false);
        }
    }

    /// <summary>Ties a connection to the attempt that is under way.</summary>
    private void Attend(TargetConnection connection)
    {
        connection.Question = _question;
        connection.Patience = _patience;
    }

    private bool IsSpent(TargetConnection connection) =>
        connection.Transactions >= _context.Snapshot.Options.MessagesPerConnectionMax
        || (connection.Capabilities.MessagesMax > 0 && connection.Transactions >= connection.Capabilities.MessagesMax);

    private async ValueTask KeepConnectionAsync()
    {
        if (_connection is not { } connection)
            return;
        _connection = null;
        connection.Question = null;
        if (!connection.IsUsable || IsSpent(connection) || connection.Unasked != Unread.Nothing
            || !_context.Cache.TryKeep(_connectedTo.Route, _connectedTo.Target, connection,
                _context.Snapshot.Options.IdleConnectionsPerTargetMax, _context.Now))
            await _context.CloseAsync(connection).ConfigureAwait(false);
    }

    private async ValueTask DropConnectionAsync()
    {
        if (_connection is not { } connection)
            return;
        _connection = null;
        _context.Metrics.Closed();
        await connection.DisposeAsync().ConfigureAwait(false);
    }

    private async ValueTask<StepResult?> OpenTargetAsync(TargetNode target, MailRoute rule, DeliverySnapshot snapshot)
    {
        if (!TargetAddress.TryParse(target.Address, out var address))
            return Connecting(ConnectionFault.NameUnknown, "the target's address is not host:port", TimeSpan.Zero);
        var settings = new ConnectionSettings(address.Host, snapshot.HelloName, rule, snapshot.Options);
        if (address.Ip is { } ip)
            return await OpenAsync(new IPEndPoint(ip, address.Port), settings, target.Address).ConfigureAwait(false);
        var began = _context.Now;
        var addresses = await _context.HostResolver.ResolveAsync(address.Host, CancellationToken.None)
            .ConfigureAwait(false);
        if (addresses.Length == 0)
        {
            return Connecting(ConnectionFault.NameUnknown, $"the name {address.Host} can't be resolved",
                _context.Now - began);
        }
        StepResult? failed = null;
        for (var i = 0; i < Math.Min(addresses.Length, 3); i++)
        {
            failed = await OpenAsync(new IPEndPoint(addresses[i], address.Port), settings, target.Address)
                .ConfigureAwait(false);
            if (failed is not { Phase: AttemptPhase.Connect })
                return failed;
        }
        return failed;
    }

    private async ValueTask<StepResult?> OpenAsync(IPEndPoint endpoint, ConnectionSettings settings, string target)
    {
        for (var plain = false; ; plain = true)
        {
            var limit = _patience < settings.Options.ConnectTimeout ? _patience : settings.Options.ConnectTimeout;
            var began = _context.Now;
            TargetTransport transport;
            try
            {
                using var timeout = new CancellationTokenSource(limit, _context.Time);
                _question.Asked(AttemptPhase.Connect);
                transport = await _context.Dialer.DialAsync(endpoint, timeout.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                _context.Metrics.ConnectFailed("timeout");
                return Connecting(ConnectionFault.TimedOut, TargetConnection.Silence(limit), _context.Now - began);
            }
            catch (SocketException e)
            {
                var ours = e.SocketErrorCode is SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable
                    or SocketError.AddressNotAvailable;
                _context.Metrics.ConnectFailed(ours ? "our_trouble" : "connect");
                return Connecting(ours ? ConnectionFault.OurTrouble : ConnectionFault.CannotConnect,
                    $"can't connect: {e.SocketErrorCode}", _context.Now - began);
            }
            _question.Answered();
            var connection = new TargetConnection(transport, settings, _context.Watch, _context.Time);
            Attend(connection);
            var failed = await connection.OpenAsync(_opening, plain, CancellationToken.None).ConfigureAwait(false);
            if (failed is null)
            {
                _context.Metrics.Opened();
                _connection = connection;
                _connectedTo = (settings.Route.Name, target);
                return null;
            }
            await connection.DisposeAsync().ConfigureAwait(false);
            _context.Metrics.ConnectFailed(failed.Value.Phase == AttemptPhase.Tls ? "tls" : "handshake");
            // RFC 7435: opportunistic TLS that fails before any mail was offered falls back to clear, on a connection
            // of its own.
            if (plain || settings.Route.Tls != TlsMode.Opportunistic || failed.Value.Phase != AttemptPhase.Tls
                || failed.Value.Fault == ConnectionFault.OurTrouble)
                return failed;
            _opening.RemoveAll(s => s.Phase == AttemptPhase.Tls);
            _question.Answered();
        }
    }

    private StepResult Connecting(ConnectionFault fault, string detail, TimeSpan took)
    {
        var step = new StepResult(AttemptPhase.Connect, -1, null, fault, detail, took);
        _opening.Add(step);
        return step;
    }
}
