using System.Buffers;
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
    private const int ReadBytes = 4 * 1024;
    private const int WriteBytes = 8 * 1024;
    private const int StreamBytes = 128 * 1024;
    private const int RecipientsPerGroup = 100;

    private readonly TargetTransport _transport;
    private readonly ConnectionSettings _settings;
    private readonly ConnectionWatch _watch;
    private readonly TimeProvider _time;
    private readonly (byte[]? Bytes, SmtpReply? Reply)[] _known = new (byte[]?, SmtpReply?)[4];
    private Stream _stream;
    private byte[] _in;
    private int _inStart;
    private int _inEnd;
    private byte[] _out;
    private int _outLength;
    private TimeSpan _sentAt;
    private long _deadline = long.MaxValue;
    private bool _expired;
    private bool _aborted;
    private bool _needsReset;
    private int _knownNext;
    private int _disposed;

    public TargetConnection(TargetTransport transport, ConnectionSettings settings, ConnectionWatch watch,
        TimeProvider time)
    {
        _transport = transport;
        _settings = settings;
        _watch = watch;
        _time = time;
        _stream = transport.Stream;
        _in = ArrayPool<byte>.Shared.Rent(ReadBytes);
        _out = ArrayPool<byte>.Shared.Rent(WriteBytes);
        watch.Add(this);
    }

    public ConnectionSettings Settings => _settings;
    public TargetCapabilities Capabilities { get; private set; } = TargetCapabilities.None;
    public bool IsSecure { get; private set; }
    /// <summary>False once a fault, a 421 or our own close ended it.</summary>
    public bool IsUsable { get; private set; } = true;
    /// <summary>Transactions begun.</summary>
    public int Transactions { get; private set; }
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
    }

    /// <summary>Breaks it off because we stop.</summary>
    public void Abort()
    {
        Volatile.Write(ref _aborted, true);
        _transport.Abort();
    }

    /// <summary>What the target sent unasked since its last reply (421, a close, a reply too many) makes the connection
    /// useless for another message. Doesn't wait.</summary>
    public Unread Unasked => _inEnd > _inStart ? Unread.Octets : IsUsable ? _transport.Peek() : Unread.Nothing;

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

    /// <summary>MAIL, RCPT… and DATA. True: content is wanted.</summary>
    private async ValueTask<bool> SendEnvelopeAsync(Transaction tx, CancellationToken abort)
    {
        var limit = _settings.Limit(_settings.Options.EnvelopeTimeout);
        var pipelined = Capabilities.Pipelining;
        var envelope = tx.Message.Envelope;
        var resetPending = _needsReset;
        _needsReset = false;
        if (resetPending)
        {
            Append("RSET\r\n"u8);
            if (!pipelined)
            {
                if (!await FlushAsync(tx, AttemptPhase.Mail, limit, abort).ConfigureAwait(false)
                    || await ReplyAsync(tx, AttemptPhase.Mail, -1, limit, abort, false).ConfigureAwait(false) is null)
                    return false;
                resetPending = false;
            }
        }
        AppendMail(envelope);
        var count = tx.Recipients.Count;
        for (var i = 0; i < count; i++)
            tx.RecipientReplies.Add(null);

        if (!pipelined)
            return await SendStepByStepAsync(tx, limit, abort).ConfigureAwait(false);

        for (var from = 0; from < count; from += RecipientsPerGroup)
        {
            var to = Math.Min(count, from + RecipientsPerGroup);
            for (var i = from; i < to; i++)
                AppendRcpt(envelope.Recipients[tx.Recipients[i]]);
            if (to == count)
                Append("DATA\r\n"u8);
            if (!await FlushAsync(tx, AttemptPhase.Mail, limit, abort).ConfigureAwait(false))
                return false;
            if (resetPending)
            {
                resetPending = false;
                if (await ReplyAsync(tx, AttemptPhase.Mail, -1, limit, abort, false).ConfigureAwait(false) is null)
                    return false;
            }
            if (from == 0)
            {
                tx.MailReply = await ReplyAsync(tx, AttemptPhase.Mail, -1, limit, abort).ConfigureAwait(false);
                if (tx.MailReply is null)
                    return false;
            }
            for (var i = from; i < to; i++)
            {
                // What a refused MAIL draws on its RCPTs (503) says nothing about them.
                var reply = await ReplyAsync(tx, AttemptPhase.Rcpt, i, limit, abort, tx.MailReply!.IsPositive)
                    .ConfigureAwait(false);
                if (reply is null)
                    return false;
                tx.RecipientReplies[i] = reply;
            }
        }
        var wanted = tx.MailReply!.IsPositive && tx.AnyAccepted;
        var dataLimit = _settings.Limit(_settings.Options.DataTimeout);
        var data = await ReplyAsync(tx, AttemptPhase.Data, -1, dataLimit, abort, wanted).ConfigureAwait(false);
        if (data is null)
            return false;
        // A refusal of DATA is believed when RSET's own reply follows it: after a reply too many it would be
        // DATA's 354, which may come at any time later.
        if (data.IsPositive || (data.Code != 354 && (_inEnd > _inStart || (wanted && IsUsable
            && await ResetAsync(limit, abort).ConfigureAwait(false) is { IsPositive: false, Code: not 421 }))))
        {
            // A reply too many came before, and so each was taken for the next command's: none can be trusted.
            tx.MailReply = null;
            for (var i = 0; i < count; i++)
                tx.RecipientReplies[i] = null;
            Break(tx, AttemptPhase.Data, ConnectionFault.NotSmtp, "its replies are out of step with the commands");
            return false;
        }
        if (wanted)
            tx.DataReply = data;
        if (data.Code == 354)
        {
            if (wanted)
                return true;
            // RFC 2920 §3.1: all recipients refused, and yet the server waits for content: an empty one ends it.
            Append(".\r\n"u8);
            if (await FlushAsync(tx, AttemptPhase.Data, dataLimit, abort).ConfigureAwait(false))
                await ReplyAsync(tx, AttemptPhase.Data, -1, dataLimit, abort, false).ConfigureAwait(false);
            return false;
        }
        _needsReset = tx.MailReply.IsPositive && !wanted;
        return false;
    }

    /// <summary>RSET's reply; null when the connection broke, which says nothing of the message.</summary>
    private async ValueTask<SmtpReply?> ResetAsync(TimeSpan limit, CancellationToken abort)
    {
        Append("RSET\r\n"u8);
        return await FlushAsync(null, AttemptPhase.Data, limit, abort).ConfigureAwait(false)
            ? await ReplyAsync(null, AttemptPhase.Data, -1, limit, abort, false).ConfigureAwait(false) : null;
    }

    private async ValueTask<bool> SendStepByStepAsync(Transaction tx, TimeSpan limit, CancellationToken abort)
    {
        if (!await FlushAsync(tx, AttemptPhase.Mail, limit, abort).ConfigureAwait(false))
            return false;
        tx.MailReply = await ReplyAsync(tx, AttemptPhase.Mail, -1, limit, abort).ConfigureAwait(false);
        if (tx.MailReply is not { IsPositive: true })
            return false;
        _needsReset = true;
        for (var i = 0; i < tx.Recipients.Count; i++)
        {
            AppendRcpt(tx.Message.Envelope.Recipients[tx.Recipients[i]]);
            if (!await FlushAsync(tx, AttemptPhase.Rcpt, limit, abort).ConfigureAwait(false))
                return false;
            tx.RecipientReplies[i] = await ReplyAsync(tx, AttemptPhase.Rcpt, i, limit, abort).ConfigureAwait(false);
            if (tx.RecipientReplies[i] is null)
                return false;
            if (!IsUsable)
                return false;
        }
        if (!tx.AnyAccepted)
            return false;
        limit = _settings.Limit(_settings.Options.DataTimeout);
        Append("DATA\r\n"u8);
        if (!await FlushAsync(tx, AttemptPhase.Data, limit, abort).ConfigureAwait(false))
            return false;
        tx.DataReply = await ReplyAsync(tx, AttemptPhase.Data, -1, limit, abort).ConfigureAwait(false);
        if (tx.DataReply?.Code != 354)
            return false;
        _needsReset = false;
        return true;
    }

    private async ValueTask SendContentAsync(Transaction tx, CancellationToken abort)
    {
        var content = tx.Content!;
        var stuffing = new DotStuffing();
        var block = _settings.Options.BlockTimeout;
        if (content.TryGetAll(out var all))
        {
            // Up to the bound all goes out with the dot.
            var gathers = content.Length <= _settings.Options.GatherBytesMax;
            if (gathers)
                Reserve(DotStuffing.RoomFor((int)content.Length) + DotStuffing.EndRoom);
            while (all.Length > 0)
            {
                if (!gathers && _outLength >= StreamBytes
                    && !await FlushContentAsync(tx, block, abort).ConfigureAwait(false))
                    return;
                var piece = all.First[..Math.Min(all.First.Length, StreamBytes)];
                Reserve(DotStuffing.RoomFor(piece.Length) + DotStuffing.EndRoom);
                _outLength += stuffing.Write(piece.Span, _out.AsSpan(_outLength));
                all = all.Slice(piece.Length);
            }
        }
        else
        {
            var buffer = ArrayPool<byte>.Shared.Rent(StreamBytes);
            try
            {
                while (true)
                {
                    int read;
                    try
                    {
                        read = await content.ReadAsync(buffer.AsMemory(0, StreamBytes), abort).ConfigureAwait(false);
                    }
                    catch (IOException e)
                    {
                        // Our disk failed, or the content is damaged: no dot, so nothing was delivered.
                        Break(tx, AttemptPhase.Data, ConnectionFault.OurTrouble, e.Message);
                        return;
                    }
                    if (read == 0)
                        break;
                    if (_outLength >= StreamBytes
                        && !await FlushContentAsync(tx, block, abort).ConfigureAwait(false))
                        return;
                    Reserve(DotStuffing.RoomFor(read) + DotStuffing.EndRoom);
                    _outLength += stuffing.Write(buffer.AsSpan(0, read), _out.AsSpan(_outLength));
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
        Reserve(DotStuffing.EndRoom);
        _outLength += stuffing.End(_out.AsSpan(_outLength));
        if (!await MaySendDotAsync(tx, abort).ConfigureAwait(false))
            return;
        if (tx.BeforeDot is { } mayBeSent && !await mayBeSent(tx).ConfigureAwait(false))
        {
            Break(tx, AttemptPhase.Data, ConnectionFault.OurTrouble, "the attempt could not be noted: our disk fails");
            return;
        }
        tx.DotSent = true;
        if (!await FlushContentAsync(tx, block, abort).ConfigureAwait(false))
            return;
        tx.FinalReply = await ReplyAsync(tx, AttemptPhase.FinalDot, -1, _settings.Options.FinalDotTimeout, abort)
            .ConfigureAwait(false);
    }

    /// <summary>What comes before the dot is sent can't be its answer: a refusal ends the transaction, and so does a
    /// reply too many, which would be taken for a delivery.</summary>
    private async ValueTask<bool> MaySendDotAsync(Transaction tx, CancellationToken abort)
    {
        // Under TLS unread octets needn't be a reply (RFC 8446 §4.6), so only what is decrypted counts.
        if (_inEnd == _inStart && (_stream != _transport.Stream || _transport.Peek() != Unread.Octets))
            return true;
        var reply = await ReplyAsync(null, AttemptPhase.FinalDot, -1, TimeSpan.FromSeconds(1), abort)
            .ConfigureAwait(false);
        IsUsable = false;
        if (reply is { Code: >= 400 })
        {
            tx.Steps.Add(new StepResult(AttemptPhase.FinalDot, -1, reply, default, null, TimeSpan.Zero));
            tx.FinalReply = reply;
            return false;
        }
        Break(tx, AttemptPhase.Data, ConnectionFault.NotSmtp, "it answered the final dot before it was sent");
        tx.Steps.Add(_broken);
        return false;
    }

    /// <summary>Writes content. When that fails, what the target had to say before it closed is read: a refusal in the
    /// middle of the content is an answer, and so is a 250 once the dot may have left us.</summary>
    private async ValueTask<bool> FlushContentAsync(Transaction tx, TimeSpan limit, CancellationToken abort)
    {
        if (await FlushAsync(tx, AttemptPhase.Data, limit, abort).ConfigureAwait(false))
            return true;
        // Nobody to listen to after a time-out: the connection is broken off already.
        var reply = Volatile.Read(ref _expired) ? null
            : await ReplyAsync(null, AttemptPhase.FinalDot, -1, TimeSpan.FromSeconds(1), abort).ConfigureAwait(false);
        if (reply is not null && (tx.DotSent || !reply.IsPositive))
        {
            tx.Broken = null;
            tx.Steps.Add(new StepResult(AttemptPhase.FinalDot, -1, reply, default, null, TimeSpan.Zero));
            tx.FinalReply = reply;
        }
        else if (tx.Broken is { } fault)
        {
            tx.Steps.Add(tx.DotSent ? fault with { Phase = AttemptPhase.FinalDot } : fault);
        }
        IsUsable = false;
        return false;
    }

    /// <summary>Ends politely, without waiting for the answer.</summary>
    public async ValueTask QuitAsync(CancellationToken abort)
    {
        if (IsUsable)
        {
            Append("QUIT\r\n"u8);
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
        ArrayPool<byte>.Shared.Return(_in);
        ArrayPool<byte>.Shared.Return(_out);
        _in = _out = [];
    }

    /// <summary>Next reply, or null when the dialogue broke off.</summary>
    private async ValueTask<SmtpReply?> ReplyAsync(Transaction? tx, AttemptPhase phase, int recipient, TimeSpan limit,
        CancellationToken abort, bool counts = true)
    {
        while (true)
        {
            if (_inEnd > _inStart)
            {
                var scan = ReplyScanner.Scan(_in.AsSpan(_inStart, _inEnd - _inStart), out var code, out var length);
                if (scan == ReplyScan.NotSmtp)
                {
                    Break(tx, phase, ConnectionFault.NotSmtp, "the answer is not an SMTP reply");
                    return null;
                }
                if (scan == ReplyScan.Complete)
                {
                    var reply = Known(_in.AsSpan(_inStart, length), code);
                    _inStart += length;
                    if (tx is not null)
                    {
                        tx.Answered = true;
                        if (counts)
                            tx.Steps.Add(new StepResult(phase, recipient, reply, default, null, Now() - _sentAt));
                    }
                    if (code == 421)
                        IsUsable = false;
                    return reply;
                }
            }
            try
            {
                if (_inStart == _inEnd)
                    _inStart = _inEnd = 0;
                else if (_inEnd == _in.Length)
                    MakeRoom();
                Arm(limit);
                var read = await _stream.ReadAsync(_in.AsMemory(_inEnd), abort).ConfigureAwait(false);
                Disarm();
                if (read == 0)
                {
                    Break(tx, phase, ConnectionFault.Lost, "connection closed without a reply");
                    return null;
                }
                _inEnd += read;
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
            Arm(limit);
            await _stream.WriteAsync(_out.AsMemory(0, _outLength), abort).ConfigureAwait(false);
            if (_stream != _transport.Stream)
                await _stream.FlushAsync(abort).ConfigureAwait(false);
            Disarm();
            _outLength = 0;
            if (_out.Length > 2 * StreamBytes)
            {
                ArrayPool<byte>.Shared.Return(_out);
                _out = ArrayPool<byte>.Shared.Rent(WriteBytes);
            }
            _sentAt = Now();
            return true;
        }
        catch (Exception e) when (IsConnectionFailure(e))
        {
            _outLength = 0;
            Break(tx, phase, e, limit);
            return false;
        }
    }

    private void Break(Transaction? tx, AttemptPhase phase, Exception e, TimeSpan limit)
    {
        Disarm();
        if (Volatile.Read(ref _expired))
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

    /// <summary>A reply seen before costs no new object: most are the same for every message.</summary>
    private SmtpReply Known(ReadOnlySpan<byte> bytes, int code)
    {
        foreach (ref var known in _known.AsSpan())
        {
            if (known.Bytes is { } same && bytes.SequenceEqual(same))
                return known.Reply!;
        }
        var reply = ReplyScanner.Read(bytes, code);
        if (reply.IsPositive || reply.IsIntermediate)
        {
            _known[_knownNext] = (bytes.ToArray(), reply);
            _knownNext = (_knownNext + 1) % _known.Length;
        }
        return reply;
    }

    private void MakeRoom()
    {
        var length = _inEnd - _inStart;
        if (_inStart > 0)
        {
            _in.AsSpan(_inStart, length).CopyTo(_in);
        }
        else
        {
            var larger = ArrayPool<byte>.Shared.Rent(_in.Length * 2);
            _in.AsSpan(0, length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_in);
            _in = larger;
        }
        (_inStart, _inEnd) = (0, length);
    }

    private void Arm(TimeSpan limit) => Volatile.Write(ref _deadline, _watch.Now + limit.Ticks);
    private void Disarm() => Volatile.Write(ref _deadline, long.MaxValue);
    private TimeSpan Now() => _time.GetElapsedTime(0);

    private static bool IsConnectionFailure(Exception e) =>
        e is IOException or SocketException or ObjectDisposedException or OperationCanceledException
            or AuthenticationException;
}
