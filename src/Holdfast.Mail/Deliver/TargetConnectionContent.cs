using System.Buffers;
using Holdfast.Mail.Smtp;
using Holdfast.Traffic.Health;

namespace Holdfast.Mail.Deliver;

/// <summary>Content and the final dot.</summary>
internal sealed partial class TargetConnection
{
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
                _out.Reserve(DotStuffing.RoomFor((int)content.Length) + DotStuffing.EndRoom);
            while (all.Length > 0)
            {
                if (!gathers && _out.Length >= StreamBytes
                    && !await FlushContentAsync(tx, block, abort).ConfigureAwait(false))
                    return;
                var piece = all.First[..Math.Min(all.First.Length, StreamBytes)];
                _out.Content(ref stuffing, piece.Span);
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
                    if (_out.Length >= StreamBytes
                        && !await FlushContentAsync(tx, block, abort).ConfigureAwait(false))
                        return;
                    _out.Content(ref stuffing, buffer.AsSpan(0, read));
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
        _out.EndContent(stuffing);
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
        if (!_in.HasUnread && (_stream != _transport.Stream || _transport.Peek() != Unread.Octets))
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
}
