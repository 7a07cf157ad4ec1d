using System.Net;
using Holdfast.Mail.Route;
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

    private async ValueTask<StepResult?> OpenTargetAsync(TargetNode target, MailRoute rule,
        DeliverySnapshot snapshot) =>
        Use(await _opener.OpenTargetAsync(target, rule, snapshot, _patience, CancellationToken.None)
            .ConfigureAwait(false), rule.Name, target.Address);

    private async ValueTask<StepResult?> OpenAsync(IPEndPoint endpoint, ConnectionSettings settings, string target) =>
        Use(await _opener.OpenAsync(endpoint, settings, _patience, CancellationToken.None).ConfigureAwait(false),
            settings.Route.Name, target);

    private StepResult? Use((TargetConnection? Connection, StepResult? Failed) opened, string route, string target)
    {
        if (opened.Connection is null)
            return opened.Failed;
        _connection = opened.Connection;
        _connectedTo = (route, target);
        return null;
    }
}
