using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Holdfast.Mail.Route;
using Holdfast.Mail.Smtp;
using Holdfast.Traffic.Health;

namespace Holdfast.Mail.Deliver;

/// <summary>Greeting, EHLO and STARTTLS.</summary>
internal sealed partial class TargetConnection
{
    private StepResult _broken;
    private string? _certificateFault;

    /// <summary>Brings the connection to where MAIL may be sent; each step is added to <paramref name="steps"/>.
    /// </summary>
    /// <param name="plain">True: don't try TLS (an opportunistic handshake failed a moment ago).</param>
    /// <returns>Null when open; else the step that failed.</returns>
    public async ValueTask<StepResult?> OpenAsync(List<StepResult> steps, bool plain, CancellationToken abort) =>
        await GreetAsync(steps, plain, abort).ConfigureAwait(false) ?? OutOfStep(steps);

    private async ValueTask<StepResult?> GreetAsync(List<StepResult> steps, bool plain, CancellationToken abort)
    {
        var limit = Limit(_settings.Options.GreetingTimeout);
        _sentAt = Now();
        if (await StepAsync(steps, AttemptPhase.Greeting, limit, abort).ConfigureAwait(false) is { } greetingFailed)
            return greetingFailed;
        if (await HelloAsync(steps, limit, abort).ConfigureAwait(false) is { } helloFailed)
            return helloFailed;

        var mode = _settings.Route.Tls;
        if (mode == TlsMode.None || (plain && mode == TlsMode.Opportunistic))
            return null;
        if (!Capabilities.StartTls)
        {
            return mode == TlsMode.Opportunistic ? null
                : Fail(steps, AttemptPhase.Tls, ConnectionFault.TlsFailed, "STARTTLS is required and not offered");
        }
        if (OutOfStep(steps) is { } outOfStep)
            return outOfStep;
        _out.Command("STARTTLS"u8);
        if (!await FlushAsync(null, AttemptPhase.Tls, limit, abort).ConfigureAwait(false))
            return Failed(steps);
        var reply = await ReplyAsync(null, AttemptPhase.Tls, -1, limit, abort).ConfigureAwait(false);
        if (reply is null)
            return Failed(steps);
        if (!reply.IsPositive)
        {
            // RFC 3207 §4: 454 is temporary; opportunistic TLS goes on in clear, as if it had not been offered.
            if (mode == TlsMode.Opportunistic && IsUsable)
                return null;
            return Fail(steps, AttemptPhase.Tls, ConnectionFault.TlsFailed, $"STARTTLS was answered {reply}");
        }
        // RFC 3207 §4.2: what came in clear behind the 220 could have been put there by anybody.
        if (_in.HasUnread)
            return Fail(steps, AttemptPhase.Tls, ConnectionFault.TlsFailed,
                "octets in clear after the reply to STARTTLS (response injection)");
        if (await HandshakeAsync(abort).ConfigureAwait(false) is { } fault)
        {
            return _certificateFault is { } refused
                ? Fail(steps, AttemptPhase.Tls, ConnectionFault.CertificateRefused, "certificate refused: " + refused)
                : Fail(steps, AttemptPhase.Tls, ConnectionFault.TlsFailed, fault);
        }
        IsSecure = true;
        Capabilities = ServerOffers.None;
        return await HelloAsync(steps, limit, abort).ConfigureAwait(false);
    }

    private async ValueTask<StepResult?> HelloAsync(List<StepResult> steps, TimeSpan limit, CancellationToken abort)
    {
        if (OutOfStep(steps) is { } outOfStep)
            return outOfStep;
        _out.Command("EHLO"u8, _settings.HelloName);
        if (!await FlushAsync(null, AttemptPhase.Hello, limit, abort).ConfigureAwait(false))
            return Failed(steps);
        var reply = await ReplyAsync(null, AttemptPhase.Hello, -1, limit, abort).ConfigureAwait(false);
        if (reply is null)
            return Failed(steps);
        if (reply.IsPositive)
        {
            steps.Add(new StepResult(AttemptPhase.Hello, -1, reply, default, null, Now() - _sentAt));
            Capabilities = ServerOffers.Parse(reply.Text);
            return null;
        }
        if (reply.Code is not (500 or 501 or 502 or 504 or 550) || IsSecure)
            return FailReply(steps, AttemptPhase.Hello, reply);
        // RFC 5321 §3.2: a server that doesn't know EHLO gets HELO.
        _out.Command("HELO"u8, _settings.HelloName);
        if (!await FlushAsync(null, AttemptPhase.Hello, limit, abort).ConfigureAwait(false))
            return Failed(steps);
        Capabilities = ServerOffers.None;
        return await StepAsync(steps, AttemptPhase.Hello, limit, abort).ConfigureAwait(false);
    }

    private async ValueTask<StepResult?> StepAsync(List<StepResult> steps, AttemptPhase phase, TimeSpan limit,
        CancellationToken abort)
    {
        var reply = await ReplyAsync(null, phase, -1, limit, abort).ConfigureAwait(false);
        if (reply is null)
            return Failed(steps);
        if (!reply.IsPositive)
            return FailReply(steps, phase, reply);
        steps.Add(new StepResult(phase, -1, reply, default, null, Now() - _sentAt));
        return null;
    }

    /// <summary>Null when the handshake succeeded.</summary>
    private async ValueTask<string?> HandshakeAsync(CancellationToken abort)
    {
        var tls = new SslStream(_transport.Stream, leaveInnerStreamOpen: true);
        _stream = tls;
        var limit = Limit(_settings.Options.TlsTimeout);
        try
        {
            Arm(limit, mayLeave: true);
            Question?.Asked(AttemptPhase.Tls);
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = _settings.HostName,
                RemoteCertificateValidationCallback = Validate,
                CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            }, abort).ConfigureAwait(false);
            Disarm();
            Question?.Answered();
            return null;
        }
        catch (Exception e) when (IsConnectionFailure(e) || e is System.ComponentModel.Win32Exception)
        {
            Disarm();
            return Volatile.Read(ref _expired) ? Silence(limit) : e.Message;
        }
    }

    private bool Validate(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (_settings.Route.Tls != TlsMode.Required)
            return true;
        _certificateFault = certificate is X509Certificate2 leaf
            ? TargetCertificate.Fault(leaf, chain, errors, _settings.Route) : "there is none";
        return _certificateFault is null;
    }

    /// <summary>Not null: it sent more than it was asked for, which would be taken for the next answer.</summary>
    private StepResult? OutOfStep(List<StepResult> steps) => !_in.HasUnread || !IsUsable ? null
        : Fail(steps, AttemptPhase.Hello, ConnectionFault.NotSmtp, "it sends more replies than it gets commands");

    private StepResult Failed(List<StepResult> steps)
    {
        steps.Add(_broken);
        return _broken;
    }

    private StepResult Fail(List<StepResult> steps, AttemptPhase phase, ConnectionFault fault, string detail)
    {
        Break(null, phase, fault, detail);
        return Failed(steps);
    }

    private StepResult FailReply(List<StepResult> steps, AttemptPhase phase, SmtpReply reply)
    {
        IsUsable = false;
        var failed = new StepResult(phase, -1, reply, default, null, Now() - _sentAt);
        steps.Add(failed);
        return failed;
    }
}
