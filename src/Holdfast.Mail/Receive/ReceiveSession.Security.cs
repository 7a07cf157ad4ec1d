using System.Buffers;
using System.Security.Authentication;
using System.Text;
using Holdfast.Mail.Smtp;

namespace Holdfast.Mail.Receive;

/// <content>TLS and sign-in.</content>
internal sealed partial class ReceiveSession
{
    /// <summary>Failed sign-ins after which a session is closed.</summary>
    private const int SignInsPerSessionMax = 3;

    private string _mechanism = "";
    private byte[]? _initialResponse;
    private int _failedSignIns;

    private bool MaySignIn => _listener.Role == ListenerRole.Submission && _user is null
        && (_tls is not null || _listener.Options.AllowPlainTextAuth);

    private bool OffersTls => MayStartTls && _listener.Certificate?.Options is not null;

    private bool LacksCertificate => MayStartTls && _listener.Certificate?.Options is null;

    private bool MayStartTls => _tls is null && _listener.Tls is (ListenerTls.StartTls or ListenerTls.Required);

    /// <summary>RFC 3207. Whatever the client sent behind STARTTLS was written without TLS, perhaps by somebody in the
    /// middle: it is never looked at.</summary>
    private async Task<bool> StartTlsAsync()
    {
        if (_input.TryRead(out var rest))
        {
            var injected = !rest.Buffer.IsEmpty;
            _input.AdvanceTo(rest.Buffer.Start);
            if (injected)
            {
                Refuse(StandardReplies.PipelinedBehindStartTls, "starttls_injection");
                return false;
            }
        }
        Say(StandardReplies.StartTls);
        await FlushAsync().ConfigureAwait(false);
        if (!await SecureAsync().ConfigureAwait(false))
            return false;
        // RFC 3207 §4.2: everything learnt before is forgotten.
        _hello = "";
        _isExtended = false;
        _user = null;
        await DropTransactionAsync().ConfigureAwait(false);
        return true;
    }

    /// <summary>Makes the handshake and puts the encrypted pipes in place. False: the session is over.</summary>
    private async Task<bool> SecureAsync()
    {
        if (_listener.Certificate?.Options is not { } options)
        {
            // On a port that begins with TLS nothing can be said.
            _context.Metrics.HandshakeFailed(_listener.Name, "no_certificate");
            return false;
        }
        _clock.Begin(SessionWait.Handshake);
        try
        {
            _tls = await TlsTransport.AuthenticateAsync(_connection.Transport, options, CancellationToken.None)
                .ConfigureAwait(false);
        }
        catch (Exception e) when (e is AuthenticationException or IOException or OperationCanceledException
            or InvalidOperationException)
        {
            var error = e is AuthenticationException ? "handshake" : "connection_lost";
            _context.Metrics.HandshakeFailed(_listener.Name, error);
            throw new AuthenticationException("TLS handshake failed", e);
        }
        finally
        {
            _clock.End();
        }
        _input = _tls.Input;
        _output = _tls.Output;
        _awaitsNewCommand = true;
        _tlsText = $"{_tls.Protocol} {_tls.Cipher}";
        _context.Metrics.Handshake(_listener.Name, _tls.Protocol["TLS".Length..]);
        return true;
    }

    /// <summary>RFC 4954 with PLAIN (RFC 4616) and LOGIN.</summary>
    private async Task<bool> AuthAsync()
    {
        var response = _initialResponse;
        _initialResponse = null;
        string? name = null;
        string? password = null;
        if (_mechanism == "PLAIN")
        {
            response ??= await AskAsync(StandardReplies.AuthContinue).ConfigureAwait(false);
            if (response is null)
                return !_isEnding;
            (name, password) = ReadPlain(response);
        }
        else
        {
            response ??= await AskAsync(StandardReplies.AuthUsername).ConfigureAwait(false);
            if (response is null)
                return !_isEnding;
            var user = response;
            response = await AskAsync(StandardReplies.AuthPassword).ConfigureAwait(false);
            if (response is null)
                return !_isEnding;
            (name, password) = (ToText(user), ToText(response));
        }
        if (string.IsNullOrEmpty(name) || password is null)
        {
            Fault(StandardReplies.BadBase64);
            return true;
        }
        await FlushAsync().ConfigureAwait(false);
        var (outcome, found) = await _context.SignIn.VerifyAsync(_context.Policy.Users, name, password, _client,
            Options.SignInFailuresMax, Options.SignInWindow, _connection.ConnectionClosed).ConfigureAwait(false);
        switch (outcome)
        {
            case SignInOutcome.Accepted:
                _user = found;
                Say(StandardReplies.Authenticated);
                return true;
            case SignInOutcome.Throttled:
                _context.Metrics.SignInFailed(_listener.Name, "throttled");
                Refuse(ReceiveReplies.SignInThrottled, "sign_in_throttled", reason: "too many failed sign-ins");
                return await EndSignInAsync().ConfigureAwait(false);
            case SignInOutcome.Unavailable:
                _context.Metrics.SignInFailed(_listener.Name, "unavailable");
                Shed(StandardReplies.AuthUnavailable, "sign_in_unavailable");
                return true;
            default:
                _context.Metrics.SignInFailed(_listener.Name, "wrong");
                await Task.Delay(Options.SignInDelay, _context.Time, _connection.ConnectionClosed)
                    .ConfigureAwait(false);
                Refuse(StandardReplies.BadCredentials, "sign_in", reason: "user name or password wrong");
                return ++_failedSignIns < SignInsPerSessionMax || await EndSignInAsync().ConfigureAwait(false);
        }
    }

    private async Task<bool> EndSignInAsync()
    {
        Say(StandardReplies.TooManyErrors);
        await FlushAsync().ConfigureAwait(false);
        return false;
    }

    private bool _isEnding;

    /// <summary>Sends a challenge and reads the answer; null when there is none to go on with: already replied to, or
    /// <see cref="_isEnding"/> is set.</summary>
    private async Task<byte[]?> AskAsync(SmtpReply challenge)
    {
        Say(challenge);
        _awaitsNewCommand = true;
        while (true)
        {
            if (!_input.TryRead(out var read))
                read = await WaitAsync(SessionWait.Command).ConfigureAwait(false);
            var buffer = read.Buffer;
            var end = buffer.PositionOf((byte)'\n');
            if (end is null && buffer.Length <= SmtpCommandParser.AuthLineBytesMax)
            {
                _input.AdvanceTo(buffer.Start, buffer.End);
                if (read.IsCompleted || _isTimedOut)
                {
                    if (_isTimedOut)
                        TimeOut(StandardReplies.IdleTooLong);
                    _isEnding = true;
                    return null;
                }
                continue;
            }
            if (end is null)
            {
                _input.AdvanceTo(buffer.Start);
                Fault(StandardReplies.AuthLineTooLong);
                _isEnding = true;
                return null;
            }
            var line = buffer.Slice(0, end.Value).ToArray();
            _input.AdvanceTo(buffer.GetPosition(1, end.Value));
            var text = line.AsSpan().TrimEnd((byte)'\r');
            if (text.SequenceEqual("*"u8))
            {
                Fault(StandardReplies.AuthCancelled);
                return null;
            }
            if (FromBase64(text) is not { } answer)
            {
                Fault(StandardReplies.BadBase64);
                return null;
            }
            return answer;
        }
    }

    private static byte[]? FromBase64(ReadOnlySpan<byte> text)
    {
        var bytes = new byte[(text.Length / 4 * 3) + 3];
        return System.Buffers.Text.Base64.DecodeFromUtf8(text, bytes, out _, out var written) == OperationStatus.Done
            ? bytes[..written] : null;
    }

    /// <summary>RFC 4616: [authzid] NUL authcid NUL passwd. Acting for somebody else isn't offered.</summary>
    private static (string? Name, string? Password) ReadPlain(ReadOnlySpan<byte> message)
    {
        var first = message.IndexOf((byte)0);
        if (first < 0)
            return default;
        var second = message[(first + 1)..].IndexOf((byte)0);
        if (second < 0)
            return default;
        var authorised = ToText(message[..first]);
        var name = ToText(message.Slice(first + 1, second));
        var password = ToText(message[(first + second + 2)..]);
        return authorised is not { Length: > 0 } || string.Equals(authorised, name, StringComparison.OrdinalIgnoreCase)
            ? (name, password) : default;
    }

    /// <summary>Strict UTF-8 without NUL; null when it isn't.</summary>
    private static string? ToText(ReadOnlySpan<byte> bytes) =>
        System.Text.Unicode.Utf8.IsValid(bytes) && !bytes.Contains((byte)0) ? Encoding.UTF8.GetString(bytes) : null;
}
