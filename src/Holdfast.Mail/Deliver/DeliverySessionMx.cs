using System.Net;
using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;
using Holdfast.Traffic.Health;

namespace Holdfast.Mail.Deliver;

/// <summary>Direct delivery to the mail exchangers of a domain (RFC 5321 §5.1).</summary>
internal sealed partial class DeliverySession
{
    private async ValueTask SendByMxAsync(TakenEntry taken, SpooledMessage message, MailRoute rule,
        DeliverySnapshot snapshot)
    {
        var domain = taken.Route.Destination;
        _result.Where = $"mx/{domain}";
        var answer = await _context.MxResolver.ResolveAsync(domain, CancellationToken.None).ConfigureAwait(false);
        if (answer.ToReply() is { } refused)
        {
            var step = new StepResult(AttemptPhase.Rcpt, -1, refused, default, null, TimeSpan.Zero);
            Fail(step, taken, null);
            return;
        }
        // Exchangers in order of preference; the next one when this one can't be reached or serves nobody now.
        StepResult? last = null;
        var left = MxAddressesMax;
        foreach (var host in answer.Hosts)
        {
            var tls = await _context.MxTls.RequireAsync(domain, host.Name, CancellationToken.None)
                .ConfigureAwait(false);
            if (!tls.IsHostAllowed)
                continue;
            var policy = tls.Tls > rule.Tls ? rule with { Tls = tls.Tls, TlsNames = tls.Names } : rule;
            foreach (var address in host.Addresses)
            {
                if (left-- <= 0)
                    break;
                last = await TryExchangerAsync(taken, message, policy, snapshot, host.Name,
                    new IPEndPoint(address, _context.MxPort)).ConfigureAwait(false);
                if (last is not null)
                    continue;
                _context.Scheduler.ReportMx(taken.Route, null, _context.Now);
                return;
            }
        }
        var failed = last ?? new StepResult(AttemptPhase.Connect, -1, null, ConnectionFault.CannotConnect,
            "no exchanger may be used", TimeSpan.Zero);
        _context.Scheduler.ReportMx(taken.Route, failed.Text, _context.Now);
        Fail(failed, taken, FailureScope.Route);
    }

    /// <summary>Null: the exchanger dealt with the message, whatever it said. Else the step that speaks against the
    /// exchanger itself.</summary>
    private async ValueTask<StepResult?> TryExchangerAsync(TakenEntry taken, SpooledMessage message, MailRoute rule,
        DeliverySnapshot snapshot, string host, IPEndPoint endpoint)
    {
        _result.Target = _result.RemoteHost = host;
        _result.Where = $"mx/{host}";
        var target = endpoint.ToString();
        for (var tries = 0; ; tries++)
        {
            await UseConnectionAsync(rule.Name, target).ConfigureAwait(false);
            var reused = _connection is not null;
            if (_connection is null)
            {
                _opening.Clear();
                var settings = new ConnectionSettings(host, snapshot.HelloName, rule, snapshot.Options);
                if (await OpenAsync(endpoint, settings, target).ConfigureAwait(false) is { } failed)
                    return failed;
            }
            if (Lacks(_connection!.Capabilities, message.Envelope) is { } lack)
            {
                AddLack(lack, FailureScope.Message, permanent: true);
                return null;
            }
            await SendAsync(message, rule).ConfigureAwait(false);
            if (reused && tries == 0 && _tx.FailedUnheard)
            {
                _tx.Reset();
                await DropConnectionAsync().ConfigureAwait(false);
                continue;
            }
            if (!_tx.DotSent && _tx.FinalReply is null)
            {
                foreach (var step in _tx.Steps)
                {
                    // RFC 5321 §5.1: a temporary failure of the server is a reason to try the next one.
                    if (step.Classify().Scope is not (FailureScope.Target or FailureScope.Site))
                        continue;
                    _tx.Reset();
                    return step;
                }
            }
            Collect(taken);
            // Collect speaks of a service's target; here the wide scopes mean this destination.
            for (var i = 0; i < _result.Recipients.Count; i++)
            {
                var one = _result.Recipients[i];
                if (one.Class.Scope is FailureScope.Target or FailureScope.Site)
                    _result.Recipients[i] = one with { Class = one.Class with { Scope = FailureScope.Route } };
            }
            _result.FailedTarget = -1;
            return null;
        }
    }
}
