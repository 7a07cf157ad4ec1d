using System.IO.Pipelines;
using System.Net;
using System.Security.Authentication;
using Holdfast.Mail.Smtp;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace Holdfast.Mail.Receive;

/// <summary>How a connection is let in.</summary>
internal enum SessionEntry : byte
{
    Admitted = 0,
    /// <summary>Told 421 4.3.2 and closed.</summary>
    Refused = 1,
    /// <summary>Closed without a word.</summary>
    Cut = 2,
}

/// <summary>What a session does after a command.</summary>
internal enum NextStep : byte { Command, Data, Bdat, StartTls, Auth, Reset, Close }

/// <summary>One SMTP connection: a single loop that reads, decides and replies.</summary>
/// <remarks>
/// Steps of the loop, which is the hot path: (1) answer all complete commands in the buffer, (2) carry out what needs
/// waiting (data, TLS, sign-in), (3) write all replies at once, only when there is nothing left to read.
/// Deadlines are watched from outside (<see cref="Sweep"/>), so a read costs no timer.
/// </remarks>
internal sealed partial class ReceiveSession
{
    private readonly ReceiveContext _context;
    private readonly ListenerHost _host;
    private readonly ConnectionContext _connection;
    private readonly SessionEntry _entry;
    private readonly SessionClock _clock;
    private ListenerPolicy _listener;
    private PipeReader _input;
    private PipeWriter _output;
    private TlsTransport? _tls;
    private string? _tlsText;
    /// <summary>The client as limits, policy and trace see it; XCLIENT may change it.</summary>
    private IPAddress _client = IPAddress.None;
    private string _clientText = "";
    /// <summary>Who speaks to us, or for whom a PROXY header spoke: decides whether XCLIENT is believed.</summary>
    private IPAddress _peer = IPAddress.None;
    /// <summary>Address whose connection count we hold; null: none.</summary>
    private IPAddress? _counted;
    private bool _isTrusted;
    private string _hello = "";
    private bool _isExtended;
    private MailUser? _user;
    private int _errors;
    private int _idleCommands;
    private int _evidenceLeft = RefusalRecordsMax;
    private bool _isSkippingLine;
    private bool _isCut;

    public ReceiveSession(ReceiveContext context, ListenerHost host, ConnectionContext connection, SessionEntry entry)
    {
        _context = context;
        _host = host;
        _connection = connection;
        _entry = entry;
        _clock = new SessionClock(context);
        _listener = host.Policy;
        _input = connection.Transport.Input;
        _output = connection.Transport.Output;
    }

    /// <summary>Completes when the session has ended; owned by the listener.</summary>
    public Task Completion { get; set; } = Task.CompletedTask;

    private ReceiveOptions Options => _context.Policy.Options;

    /// <summary>True while it is the client's turn.</summary>
    public bool IsWaiting => _clock.Waiting != SessionWait.None;

    /// <summary>Ends the waits that last too long. Called from the sweep's thread.</summary>
    public void Sweep()
    {
        var waiting = _clock.Waiting;
        if (waiting == SessionWait.None || !_clock.IsOverdue())
            return;
        if (waiting is SessionWait.Write or SessionWait.Handshake)
            Cut();
        else
            _input.CancelPendingRead();
    }

    /// <summary>Makes a waiting session look whether it should end.</summary>
    public void Nudge()
    {
        if (_clock.Waiting is SessionWait.Command)
            _input.CancelPendingRead();
    }

    /// <summary>Ends the connection now. An append that has begun goes on to its end.</summary>
    public void Cut()
    {
        Volatile.Write(ref _isCut, true);
        _connection.Abort(new ConnectionAbortedException("session ended"));
    }

    public async Task RunAsync()
    {
        var listener = _listener.Name;
        if (_entry == SessionEntry.Admitted)
            _context.Metrics.SessionBegan(listener);
        try
        {
            if (_entry == SessionEntry.Cut)
                Cut();
            else if (await OpenAsync().ConfigureAwait(false))
                await ServeAsync().ConfigureAwait(false);
            await FlushAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or AuthenticationException)
        {
            // The client went, or was cut: nothing can be told it any more.
            LogSessionLost(_context.Logger, listener, e.Message);
        }
#pragma warning disable CA1031 // A fault of ours ends this one session, and is reported as what it is.
        catch (Exception e)
#pragma warning restore CA1031
        {
            LogSessionFault(_context.Logger, e, listener);
            Cut();
        }
        finally
        {
            await CloseAsync().ConfigureAwait(false);
            if (_entry == SessionEntry.Admitted)
                _context.Metrics.SessionEnded(listener);
        }
    }

    /// <summary>Everything up to and with the greeting. False: the session is over.</summary>
    private async Task<bool> OpenAsync()
    {
        _client = (_connection.RemoteEndPoint as IPEndPoint)?.Address ?? IPAddress.None;
        if (_client.IsIPv4MappedToIPv6)
            _client = _client.MapToIPv4();
        if (_listener.ProxyFrom.Contains(_client) && !await ReadProxyHeaderAsync().ConfigureAwait(false))
            return false;
        SetClient(_client);
        _peer = _client;
        if (_entry == SessionEntry.Admitted && !TryCount(_client))
        {
            _context.Metrics.Shed(_listener.Name, "connections_per_address");
            await RefuseAsync(StandardReplies.TooManyConnectionsFromYou).ConfigureAwait(false);
            return false;
        }
        if (_listener.Tls == ListenerTls.Implicit && !await SecureAsync().ConfigureAwait(false))
            return false;
        if (_entry == SessionEntry.Refused || _host.IsDraining)
        {
            Say(_entry == SessionEntry.Refused ? ReceiveReplies.TooManyConnections : StandardReplies.ShuttingDown);
            return false;
        }
        if (_listener.Role == ListenerRole.Inbound && !_isTrusted && Options.GreetingDelay > TimeSpan.Zero
            && _listener.Tls != ListenerTls.Implicit && await TalksEarlyAsync().ConfigureAwait(false))
        {
            Refuse(StandardReplies.EarlyTalker, "early_talker");
            return false;
        }
        Greet();
        return true;
    }

    private void SetClient(IPAddress address)
    {
        _client = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        _clientText = _client.ToString();
        _isTrusted = _listener.Trusted.Contains(_client);
    }

    private async Task RefuseAsync(SmtpReply reply)
    {
        if (_listener.Tls == ListenerTls.Implicit && !await SecureAsync().ConfigureAwait(false))
            return;
        Say(reply);
    }

    private void Greet() =>
        Say(new SmtpReply(220, EnhancedStatus.None, _context.Policy.HostName + " ESMTP Holdfast"));

    /// <summary>Waits before the greeting. True when the client sent something meanwhile.</summary>
    private async Task<bool> TalksEarlyAsync()
    {
        var input = _input;
        await using var timer = _context.Time.CreateTimer(static reader => ((PipeReader)reader!).CancelPendingRead(),
            input, Options.GreetingDelay, Timeout.InfiniteTimeSpan).ConfigureAwait(false);
        var read = await input.ReadAsync(CancellationToken.None).ConfigureAwait(false);
        var talked = !read.Buffer.IsEmpty;
        input.AdvanceTo(read.Buffer.Start);
        return talked;
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            if (_host.IsDraining && !HasTransaction)
            {
                Say(StandardReplies.ShuttingDown);
                return;
            }
            if (!_input.TryRead(out var read))
                read = await WaitAsync(SessionWait.Command).ConfigureAwait(false);
            var buffer = read.Buffer;
            var next = Answer(ref buffer);
            _input.AdvanceTo(buffer.Start, next == NextStep.Command ? buffer.End : buffer.Start);
            switch (next)
            {
                case NextStep.Command:
                    if (read.IsCompleted)
                        return;
                    if (read.IsCanceled && _isTimedOut)
                    {
                        TimeOut(StandardReplies.IdleTooLong);
                        return;
                    }
                    continue;
                case NextStep.Data:
                    if (!await ReceiveDataAsync().ConfigureAwait(false))
                        return;
                    continue;
                case NextStep.Bdat:
                    if (!await ReceiveChunkAsync().ConfigureAwait(false))
                        return;
                    continue;
                case NextStep.StartTls:
                    if (!await StartTlsAsync().ConfigureAwait(false))
                        return;
                    continue;
                case NextStep.Auth:
                    if (!await AuthAsync().ConfigureAwait(false))
                        return;
                    continue;
                case NextStep.Reset:
                    await DropTransactionAsync().ConfigureAwait(false);
                    continue;
                case NextStep.Close:
                    return;
            }
        }
    }

    private bool _isTimedOut;
    private bool _awaitsNewCommand = true;

    /// <summary>Tells the client that its time is up, or that ours is.</summary>
    private void TimeOut(SmtpReply reply, string? reason = null)
    {
        if (_context.IsDrainOver)
            Refuse(StandardReplies.ShuttingDown, "draining", reason: "the drain's time was up");
        else
            Refuse(reply, "timeout", reason: reason);
    }

    /// <summary>Sends what is written and waits for more. Sets <see cref="_isTimedOut"/>.</summary>
    private async ValueTask<ReadResult> WaitAsync(SessionWait wait)
    {
        await FlushAsync().ConfigureAwait(false);
        if (wait != SessionWait.Command || _awaitsNewCommand)
            _clock.Begin(wait);
        else
            _clock.Resume(wait);
        _awaitsNewCommand = false;
        try
        {
            // A drain that began before the wait was visible is caught here, one after it by Nudge.
            if (_host.IsDraining && wait == SessionWait.Command && !HasTransaction)
                _input.CancelPendingRead();
            var read = await _input.ReadAsync(CancellationToken.None).ConfigureAwait(false);
            _isTimedOut = read.IsCanceled && _clock.IsOverdue();
            return read;
        }
        finally
        {
            _clock.End();
        }
    }

    private async ValueTask FlushAsync()
    {
        if (_output.UnflushedBytes == 0)
            return;
        var flush = _output.FlushAsync(CancellationToken.None);
        if (flush.IsCompletedSuccessfully)
        {
            _ = flush.Result;
            return;
        }
        _clock.Begin(SessionWait.Write);
        try
        {
            await flush.ConfigureAwait(false);
        }
        finally
        {
            _clock.End();
            _awaitsNewCommand = true;
        }
    }

    /// <summary>Counts the connection for the address, in place of the one counted before. Trusted relay clients are
    /// few and known: they aren't bounded.</summary>
    private bool TryCount(IPAddress address)
    {
        Uncount();
        if (_listener.Role == ListenerRole.Relay && _isTrusted)
            return true;
        if (!_context.Limits.TryEnter(address, Options.ConnectionsPerAddressMax))
            return false;
        _counted = address;
        return true;
    }

    private void Uncount()
    {
        if (_counted is { } address)
            _context.Limits.Leave(address);
        _counted = null;
    }

    private async Task CloseAsync()
    {
        Uncount();
        await DropTransactionAsync().ConfigureAwait(false);
        if (_tls is { } tls)
        {
            if (!Volatile.Read(ref _isCut))
            {
                _clock.Begin(SessionWait.Write);
                await tls.ShutdownAsync().ConfigureAwait(false);
                _clock.End();
            }
            await tls.DisposeAsync().ConfigureAwait(false);
        }
        await _connection.Transport.Output.CompleteAsync().ConfigureAwait(false);
        await _connection.Transport.Input.CompleteAsync().ConfigureAwait(false);
        await _connection.DisposeAsync().ConfigureAwait(false);
    }

    private void Say(ReadOnlySpan<byte> reply)
    {
        reply.CopyTo(_output.GetSpan(reply.Length));
        _output.Advance(reply.Length);
    }

    private void Say(SmtpReply reply) => SmtpReplyWriter.Write(reply, _output, _transaction.SmtpUtf8);

    [LoggerMessage(EventId = 2010, Level = LogLevel.Debug, Message = "A session on {Listener} was lost: {Reason}")]
    private static partial void LogSessionLost(ILogger logger, string listener, string reason);

    [LoggerMessage(EventId = 2011, Level = LogLevel.Error,
        Message = "A session on {Listener} ended by a fault of ours")]
    private static partial void LogSessionFault(ILogger logger, Exception fault, string listener);
}
