using System.Net;
using System.Net.Sockets;
using Holdfast.Mail.Route;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Mail.Deliver;

/// <summary>Opens connections to targets: name, socket, greeting, EHLO, TLS.</summary>
/// <param name="steps">Gets every step; cleared by the caller.</param>
/// <param name="question">Told that the target is asked; null: nobody is.</param>
internal sealed class TargetOpener(DeliveryContext context, List<StepResult> steps, OpenQuestion? question)
{
    private const int AddressesMax = 3;

    /// <summary>A connection where MAIL may be sent, or the step that failed.</summary>
    /// <param name="patience">Longest silence.</param>
    public async ValueTask<(TargetConnection? Connection, StepResult? Failed)> OpenTargetAsync(TargetNode target,
        MailRoute rule, DeliverySnapshot snapshot, TimeSpan patience, CancellationToken abort)
    {
        if (!TargetAddress.TryParse(target.Address, out var address))
            return Failed(ConnectionFault.NameUnknown, "the target's address is not host:port", TimeSpan.Zero);
        var settings = new ConnectionSettings(address.Host, snapshot.HelloName, rule, snapshot.Options);
        if (address.Ip is { } ip)
            return await OpenAsync(new IPEndPoint(ip, address.Port), settings, patience, abort).ConfigureAwait(false);
        var began = context.Now;
        var addresses = await context.HostResolver.ResolveAsync(address.Host, abort).ConfigureAwait(false);
        if (addresses.Length == 0)
        {
            return Failed(ConnectionFault.NameUnknown, $"the name {address.Host} can't be resolved",
                context.Now - began);
        }
        (TargetConnection? Connection, StepResult? Failed) opened = default;
        for (var i = 0; i < Math.Min(addresses.Length, AddressesMax); i++)
        {
            opened = await OpenAsync(new IPEndPoint(addresses[i], address.Port), settings, patience, abort)
                .ConfigureAwait(false);
            if (opened.Failed is not { Phase: AttemptPhase.Connect })
                return opened;
        }
        return opened;
    }

    public async ValueTask<(TargetConnection? Connection, StepResult? Failed)> OpenAsync(IPEndPoint endpoint,
        ConnectionSettings settings, TimeSpan patience, CancellationToken abort)
    {
        for (var plain = false; ; plain = true)
        {
            var limit = patience < settings.Options.ConnectTimeout ? patience : settings.Options.ConnectTimeout;
            var began = context.Now;
            TargetTransport transport;
            try
            {
                using var timeout = new CancellationTokenSource(limit, context.Time);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, abort);
                question?.Asked(AttemptPhase.Connect);
                transport = await context.Dialer.DialAsync(endpoint, either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                context.Metrics.ConnectFailed("timeout");
                return abort.IsCancellationRequested
                    ? Failed(ConnectionFault.OurTrouble, "broken off by us", context.Now - began)
                    : Failed(ConnectionFault.TimedOut, TargetConnection.Silence(limit), context.Now - began);
            }
            catch (SocketException e)
            {
                var ours = e.SocketErrorCode is SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable
                    or SocketError.AddressNotAvailable;
                context.Metrics.ConnectFailed(ours ? "our_trouble" : "connect");
                return Failed(ours ? ConnectionFault.OurTrouble : ConnectionFault.CannotConnect,
                    $"can't connect: {e.SocketErrorCode}", context.Now - began);
            }
            question?.Answered();
            var connection = new TargetConnection(transport, settings, context.Watch, context.Time)
            {
                Question = question, Patience = patience,
            };
            var failed = await connection.OpenAsync(steps, plain, abort).ConfigureAwait(false);
            if (failed is null)
            {
                context.Metrics.Opened();
                return (connection, null);
            }
            await connection.DisposeAsync().ConfigureAwait(false);
            context.Metrics.ConnectFailed(failed.Value.Phase == AttemptPhase.Tls ? "tls" : "handshake");
            // RFC 7435: opportunistic TLS that fails before any mail was offered falls back to clear, on a connection
            // of its own.
            if (plain || settings.Route.Tls != TlsMode.Opportunistic || failed.Value.Phase != AttemptPhase.Tls
                || failed.Value.Fault == ConnectionFault.OurTrouble)
                return (null, failed);
            steps.RemoveAll(s => s.Phase == AttemptPhase.Tls);
            question?.Answered();
        }
    }

    private (TargetConnection?, StepResult?) Failed(ConnectionFault fault, string detail, TimeSpan took)
    {
        var step = new StepResult(AttemptPhase.Connect, -1, null, fault, detail, took);
        steps.Add(step);
        return (null, step);
    }
}
