using System.Globalization;
using System.Net.Sockets;
using System.Security.Authentication;
using Holdfast.Mail.Smtp;
using Holdfast.Mail.Spool;
using Holdfast.Traffic.Health;

namespace Holdfast.Mail.Deliver;

/// <summary>SMTP client on one connection to a target (RFC 5321 §3, pipelined by RFC 2920).</summary>
/// <remarks>
/// Promise: every reply, or the fault in its place, ends up in the transaction; nothing is thrown but for our own
/// mistakes. Once <see cref="Transaction.DotSent"/> is set (when the write with the dot begins, since a write that
/// fails may have sent all of it) the outcome without a reply is unknown; before that the connection may be dropped and
/// the message sent elsewhere. Content goes out byte for byte, dots doubled.
/// Replies are counted against commands: a target that sent more than was asked for is out of step, and what it says
/// would be taken for the answer to something else. So nothing may wait unread when a transaction or a final dot
/// begins.
/// Limits: one transaction at a time; replies up to <see cref="ReplyScanner.BytesMax"/>.
/// </remarks>
internal sealed partial class TargetConnection : IAsyncDisposable
{
    private const int WriteBytes = 8 * 1024;
    private const int StreamBytes = 128 * 1024;
    /// <summary>So long a closed target is listened to at least: an answer that comes after all speaks for it.
    /// </summary>
    internal static readonly TimeSpan LeaveAfter = TimeSpan.FromSeconds(2.5);

    private readonly TargetTransport _transport;
    private readonly ConnectionSettings _settings;
    private readonly ConnectionWatch _watch;
    private readonly TimeProvider _time;
    private readonly ReplyBuffer _in = new();
    private readonly SmtpCommandWriter _out = new(WriteBytes, 2 * StreamBytes);
    private Stream _stream;
    private TimeSpan _sentAt;
    private long _deadline = long.MaxValue;
    private long _leaveAt = long.MaxValue;
    private bool _expired;
    private bool _left;
    private bool _aborted;
    private bool _needsReset;
    private int _disposed;

    public TargetConnection(TargetTransport transport, ConnectionSettings settings, ConnectionWatch watch,
        TimeProvider time)
    {
        _transport = transport;
        _settings = settings;
        _watch = watch;
        _time = time;
        _stream = transport.Stream;
        watch.Add(this);
    }

    public ConnectionSettings Settings => _settings;
    public ServerOffers Capabilities { get; private set; } = ServerOffers.None;
    public bool IsSecure { get; private set; }
    /// <summary>False once a fault, a 421 or our own close ended it.</summary>
    public bool IsUsable { get; private set; } = true;
    /// <summary>Transactions begun.</summary>
    public int Transactions { get; private set; }
    /// <summary>Who is told that the target is asked and that it answers, while an attempt at a service's target has
    /// the connection; null: nobody.</summary>
    public OpenQuestion? Question { get; set; }
    /// <summary>Longest wait for a reply before the final dot, whatever the step allows: set for each attempt.
    /// </summary>
    public TimeSpan Patience { get; set; } = TimeSpan.MaxValue;
    /// <summary>When it became idle, for the cache.</summary>
    public TimeSpan IdleSince { get; set; }

    /// <summary>Called by the watch.</summary>
    public void Check(long now)
    {
        if (now >= Volatile.Read(ref _deadline))
        {
            Volatile.Write(ref _expired, true);
            _transport.Abort();
        }
        else if (now >= Volatile.Read(ref _leaveAt) && Question is { IsInVain: true })
        {
            Volatile.Write(ref _left, true);
            Volatile.Write(ref _expired, true);
            _transport.Abort();
        }
    }

    /// <summary>Breaks it off because we stop.</summary>
    public void Abort()
    {
        Volatile.Write(ref _aborted, true);
        _transport.Abort();
    }

    /// <summary>What the target sent unasked since its last reply (421, a close, a reply too many) makes the connection
    /// useless for another message. Doesn't wait.</summary>
    public Unread Unasked => _in.HasUnread ? Unread.Octets : IsUsable ? _transport.Peek() : Unread.Nothing;

    /// <summary>True for an idle connection that shouldn't be used or kept any more. Doesn't wait.</summary>
    public bool IsStale(TimeSpan now, TimeSpan idleTimeout) =>
        !IsUsable || now - IdleSince > idleTimeout || Unasked != Unread.Nothing;

    /// <summary>Sends one message. The transaction says what came of it.</summary>
    public async ValueTask SendAsync(Transaction transaction, CancellationToken abort)
    {
        Transactions++;
        if (!await SendEnvelopeAsync(transaction, abort).ConfigureAwait(false))
            return;
        await SendContentAsync(transaction, abort).ConfigureAwait(false);
    }

    /// <summary>Ends politely, without waiting for the answer.</summary>
    public async ValueTask QuitAsync(CancellationToken abort)
    {
        if (IsUsable)
        {
            _out.Command("QUIT"u8);
            await FlushAsync(null, AttemptPhase.Quit, TimeSpan.FromSeconds(2), abort).ConfigureAwait(false);
        }
        await DisposeAsync().ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        IsUsable = false;
        _watch.Remove(this);
        try
        {
            if (_stream != _transport.Stream)
                await _stream.DisposeAsync().ConfigureAwait(false);
            await _transport.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (IsConnectionFailure(e))
        {
            // It is gone, which is what was wanted.
        }
        _in.Dispose();
        _out.Dispose();
    }

    /// <summary>Next reply, or null when the dialogue broke off.</summary>
    private async ValueTask<SmtpReply?> ReplyAsync(Transaction? tx, AttemptPhase phase, int recipient, TimeSpan limit,
        CancellationToken abort, bool counts = true)
    {
        var asked = false;
        while (true)
        {
            var scan = _in.TryTake(out var reply);
            if (asked && (scan == ReplyScan.NotSmtp || reply is not null))
                Question?.Answered();
            if (scan == ReplyScan.NotSmtp)
            {
                Break(tx, phase, ConnectionFault.NotSmtp, "the answer is not an SMTP reply");
                return null;
            }
            if (reply is not null)
            {
                if (tx is not null)
                {
                    tx.Answered = true;
                    if (counts)
                        tx.Steps.Add(new StepResult(phase, recipient, reply, default, null, Now() - _sentAt));
                }
                if (reply.Code == 421)
                    IsUsable = false;
                return reply;
            }
            try
            {
                var room = _in.Room();
                Arm(limit, mayLeave: phase < AttemptPhase.FinalDot);
                var reading = _stream.ReadAsync(room, abort);
                if (!asked && !reading.IsCompleted)
                {
                    asked = true;
                    Question?.Asked(phase, phase == AttemptPhase.FinalDot && tx is not null
                        ? tx.Message.Envelope.SizeBytes : 0);
                }
                var read = await reading.ConfigureAwait(false);
                Disarm();
                if (read == 0)
                {
                    Break(tx, phase, ConnectionFault.Lost, "connection closed without a reply");
                    return null;
                }
                _in.Filled(read);
            }
            catch (Exception e) when (IsConnectionFailure(e))
            {
                Break(tx, phase, e, limit);
                return null;
            }
        }
    }

    private async ValueTask<bool> FlushAsync(Transaction? tx, AttemptPhase phase, TimeSpan limit,
        CancellationToken abort)
    {
        try
        {
            Arm(limit, mayLeave: tx is { DotSent: false } || phase < AttemptPhase.Mail);
            var writing = _stream.WriteAsync(_out.Written, abort);
            if (!writing.IsCompleted)
            {
                Question?.Writing(phase);
                await writing.ConfigureAwait(false);
                Question?.Answered();
            }
            else
            {
                await writing.ConfigureAwait(false);
            }
            if (_stream != _transport.Stream)
                await _stream.FlushAsync(abort).ConfigureAwait(false);
            Disarm();
            _out.Clear();
            _sentAt = Now();
            return true;
        }
        catch (Exception e) when (IsConnectionFailure(e))
        {
            _out.Clear();
            Break(tx, phase, e, limit);
            return false;
        }
    }

    private void Break(Transaction? tx, AttemptPhase phase, Exception e, TimeSpan limit)
    {
        Disarm();
        if (Volatile.Read(ref _left))
            Break(tx, phase, ConnectionFault.TimedOut, Silence(Now() - _sentAt) + ", and the target is closed");
        else if (Volatile.Read(ref _expired))
            Break(tx, phase, ConnectionFault.TimedOut, Silence(limit));
        else if (e is OperationCanceledException || Volatile.Read(ref _aborted))
            Break(tx, phase, ConnectionFault.OurTrouble, "broken off by us");
        else
            Break(tx, phase, ConnectionFault.Lost, e is IOException { InnerException: SocketException s }
                ? s.SocketErrorCode.ToString() : e.Message);
    }

    internal static string Silence(TimeSpan limit) =>
        string.Create(CultureInfo.InvariantCulture, $"{TrafficDetail.Stall}{limit.TotalSeconds:0.#} s");

    private void Break(Transaction? tx, AttemptPhase phase, ConnectionFault fault, string detail)
    {
        IsUsable = false;
        _broken = new StepResult(phase, -1, null, fault, detail, Now() - _sentAt);
        if (tx is null)
            return;
        tx.Broken = _broken;
        if (!(phase == AttemptPhase.Data && tx.DataReply is not null))
            tx.Steps.Add(_broken);
    }

    private void Arm(TimeSpan limit, bool mayLeave)
    {
        Volatile.Write(ref _leaveAt, mayLeave ? _watch.Now + LeaveAfter.Ticks : long.MaxValue);
        Volatile.Write(ref _deadline, _watch.Now + limit.Ticks);
    }

    private void Disarm()
    {
        Volatile.Write(ref _deadline, long.MaxValue);
        Volatile.Write(ref _leaveAt, long.MaxValue);
    }

    private TimeSpan Limit(TimeSpan timeout) => Patience < timeout ? Patience : timeout;
    private TimeSpan Now() => _time.GetElapsedTime(0);

    private static bool IsConnectionFailure(Exception e) =>
        e is IOException or SocketException or ObjectDisposedException or OperationCanceledException
            or AuthenticationException;
}
