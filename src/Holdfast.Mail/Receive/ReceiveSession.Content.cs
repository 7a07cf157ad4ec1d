using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Holdfast.Mail.Smtp;
using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;
using Microsoft.Extensions.Logging;

namespace Holdfast.Mail.Receive;

/// <content>Message content: DATA and BDAT, and what the message comes to.</content>
internal sealed partial class ReceiveSession
{
    /// <summary>Characters of joined recipients in an evidence record.</summary>
    private const int RecipientsTextMax = 2048;
    /// <summary>Room for our trace header in a declared size.</summary>
    private const int TraceHeaderBytes = 512;

    private static readonly ArrayBufferWriter<byte> Nowhere = new(1);

    private DataReader? _dataReader;
    private BdatReader? _chunkReader;
    private MessageDraft? _draft;
    private MessageId _id;
    private DateTimeOffset _receivedAt;
    private long _chunkBytes;
    private bool _chunkIsLast;
    private bool _hasChunks;
    /// <summary>The chunks' transaction failed: each further chunk is read and answered with this.</summary>
    private SmtpReply? _chunkFault;

    private bool HasTransaction => _transaction.IsOpen;

    private BareNewlinePolicy NewlinePolicy =>
        _listener.Normalises ? BareNewlinePolicy.Normalise : BareNewlinePolicy.Reject;

    /// <summary>Reads the data after 354 and settles the message. False: the session is over.</summary>
    private async Task<bool> ReceiveDataAsync()
    {
        Say(StandardReplies.StartMailInput);
        var draft = BeginDraft();
        var reader = _dataReader ??= new DataReader();
        reader.Reset(NewlinePolicy, Options.MessageBytesMax);
        _clock.BeginData();
        while (true)
        {
            if (!_input.TryRead(out var read))
                read = await WaitAsync(SessionWait.Data).ConfigureAwait(false);
            var ended = reader.Read(read.Buffer, draft, out var consumed);
            _clock.CountData(read.Buffer.Length);
            _input.AdvanceTo(consumed);
            if (ended)
                break;
            if (await IsDataLostAsync(read, reader).ConfigureAwait(false))
                return false;
            if (reader.Fault == ContentFault.None && draft.NeedsFlush)
                await FlushDraftAsync(draft).ConfigureAwait(false);
        }
        await SettleAsync(reader).ConfigureAwait(false);
        return true;
    }

    /// <summary>Reads one chunk (RFC 3030 §2). False: the session is over.</summary>
    private async Task<bool> ReceiveChunkAsync()
    {
        var reader = _chunkReader ??= new BdatReader();
        if (!_hasChunks)
        {
            reader.Reset(_transaction.Body == BodyKind.BinaryMime ? BareNewlinePolicy.Keep : NewlinePolicy,
                Options.MessageBytesMax);
            _hasChunks = true;
            if (_chunkFault is null)
                BeginDraft();
        }
        reader.BeginChunk(_chunkBytes, _chunkIsLast);
        if (_chunkFault is not null || _draft is null)
            reader.DropRest();
        _clock.BeginData();
        var output = (IBufferWriter<byte>?)_draft ?? Nowhere;
        var whole = _chunkBytes == 0 && reader.Read([], output, out _);
        while (!whole)
        {
            if (!_input.TryRead(out var read))
                read = await WaitAsync(SessionWait.Data).ConfigureAwait(false);
            whole = reader.Read(read.Buffer, output, out var consumed);
            _clock.CountData(read.Buffer.Length);
            _input.AdvanceTo(consumed);
            if (!whole && await IsDataLostAsync(read, reader).ConfigureAwait(false))
                return false;
            if (reader.Fault == ContentFault.None && _draft is { NeedsFlush: true } draft)
                await FlushDraftAsync(draft).ConfigureAwait(false);
        }
        _awaitsNewCommand = true;
        if (_chunkFault is { } fault)
        {
            Say(fault);
            if (_chunkIsLast)
                await DropTransactionAsync().ConfigureAwait(false);
            return true;
        }
        if (_chunkIsLast)
        {
            await SettleAsync(reader).ConfigureAwait(false);
            return true;
        }
        if (reader.Refusal is { } refusal)
        {
            Refuse(refusal, ErrorOf(reader.Fault));
            _chunkFault = StandardReplies.TransactionFailed;
            await DropDraftAsync().ConfigureAwait(false);
            return true;
        }
        Say(StandardReplies.ChunkOk);
        return true;
    }

    private MessageDraft BeginDraft()
    {
        _id = _context.Spool.NewId();
        _receivedAt = _context.Time.GetUtcNow();
        var declared = _transaction.DeclaredBytes is { } bytes ? bytes + TraceHeaderBytes : (long?)null;
        var draft = _transaction.IsProbe ? new ProbeDraft() : _context.Spool.BeginDraft(declared);
        _draft = draft;
        var recipients = _transaction.Recipients;
        TraceHeader.Write(draft, _hello, _client, _context.Policy.HostName, Protocol(), _id, _tlsText,
            recipients.Count == 1 ? recipients[0].Address : null, _receivedAt);
        return draft;
    }

    /// <summary>RFC 3848 and RFC 6531 §4.3.</summary>
    private string Protocol()
    {
        var signedIn = _user is not null;
        if (!_isExtended)
            return "SMTP";
        if (_transaction.SmtpUtf8)
            return (_tls is not null, signedIn) switch
            {
                (false, false) => "UTF8SMTP", (true, false) => "UTF8SMTPS",
                (false, true) => "UTF8SMTPA", (true, true) => "UTF8SMTPSA",
            };
        return (_tls is not null, signedIn) switch
        {
            (false, false) => "ESMTP", (true, false) => "ESMTPS", (false, true) => "ESMTPA", (true, true) => "ESMTPSA",
        };
    }

    private async ValueTask FlushDraftAsync(MessageDraft draft)
    {
        var before = _context.Now;
        await draft.FlushAsync(_connection.ConnectionClosed).ConfigureAwait(false);
        _clock.ForgiveData(_context.Now - before);
    }

    /// <summary>True when the session is over: the client went, is too slow, or sends without end.</summary>
    private async ValueTask<bool> IsDataLostAsync(ReadResult read, ContentReader reader)
    {
        if (read.IsCompleted)
        {
            _context.Metrics.Refused(_listener.Name, "connection_lost");
            return true;
        }
        if (read.IsCanceled && _isTimedOut)
        {
            TimeOut(ReceiveReplies.DataTooSlow, "data too slow");
            return true;
        }
        if (reader.Fault != ContentFault.None)
        {
            await DropDraftAsync().ConfigureAwait(false);
            // The rest is read, so that the reply comes where it belongs; but not for ever.
            if (reader.Length > 2 * Options.MessageBytesMax)
            {
                Refuse(StandardReplies.MessageTooBig, "too_big", reason: "went on sending");
                return true;
            }
        }
        return false;
    }

    /// <summary>The content has come whole: refuses it or makes it durable, and replies.</summary>
    private async Task SettleAsync(ContentReader reader)
    {
        _awaitsNewCommand = true;
        _idleCommands = 0;
        if (reader.Refusal is { } refusal)
        {
            Refuse(refusal, ErrorOf(reader.Fault), JoinRecipients());
            NoteSpan(reader.Length, ErrorOf(reader.Fault));
            await DropTransactionAsync().ConfigureAwait(false);
            return;
        }
        // RFC 5321 §6.3: ours isn't counted, since it was written before the content.
        if (reader.ReceivedCount >= Options.HopsMax)
        {
            Refuse(StandardReplies.Loop, "loop", JoinRecipients());
            NoteSpan(reader.Length, "loop");
            await DropTransactionAsync().ConfigureAwait(false);
            return;
        }
        if (_draft is ProbeDraft probe)
        {
            _context.Probes?.Arrived(probe.Head);
            Say(ReceiveReplies.ProbeTaken);
            NoteSpan(probe.Length, null);
            await DropTransactionAsync().ConfigureAwait(false);
            return;
        }
        var draft = _draft!;
        var envelope = MakeEnvelope(draft, reader.Traits);
        var began = _context.Now;
        // Replies of commands before are not held back by the disk.
        await FlushAsync().ConfigureAwait(false);
        // From here neither a drain nor the client's going stops it: the message may already be ours.
        var result = await AppendAsync(envelope, draft).ConfigureAwait(false);
        switch (result)
        {
            case AppendResult.Stored:
                Say(StandardReplies.Queued(_id));
                _context.Metrics.Accepted(_listener.Name, envelope.SizeBytes);
                RecordAccepted(envelope, _context.Now - began);
                _draft = null;
                await draft.DisposeAsync().ConfigureAwait(false);
                break;
            case AppendResult.OutOfSpace:
                Shed(StandardReplies.OutOfSpace, "out_of_space", JoinRecipients());
                break;
            case AppendResult.TooBusy:
                Shed(ReceiveReplies.NotAccepting, "too_busy", JoinRecipients());
                break;
            default:
                Shed(StandardReplies.StorageFailed, "storage_failed", JoinRecipients());
                break;
        }
        NoteSpan(envelope.SizeBytes, result == AppendResult.Stored ? null : result.ToString());
        await DropTransactionAsync().ConfigureAwait(false);
    }

    private void NoteSpan(long bytes, string? refusal) =>
        MessageSpans.Received(_id, _receivedAt, _context.Time.GetUtcNow(), _listener.Name, bytes, refusal);

    /// <summary>Whatever goes wrong inside us is an answer here: the client must be told, not cut off.</summary>
    private async ValueTask<AppendResult> AppendAsync(Envelope envelope, MessageDraft draft)
    {
        try
        {
            return await _context.Spool.AppendAsync(envelope, draft, CancellationToken.None)
                .ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            LogAppendFailed(_context.Logger, e, envelope.Id, e.Message);
            return AppendResult.Failed;
        }
    }

    [LoggerMessage(EventId = 2013, Level = LogLevel.Warning,
        Message = "Message {Id} could not be stored: {Fault}")]
    private static partial void LogAppendFailed(ILogger logger, Exception e, MessageId id, string fault);

    private Envelope MakeEnvelope(MessageDraft draft, ContentTraits traits) => new()
    {
        Id = _id,
        ReceivedAt = _receivedAt,
        Sender = _transaction.Sender,
        Recipients = _transaction.Recipients,
        Priority = _transaction.Priority,
        Body = _transaction.Body,
        SmtpUtf8 = _transaction.SmtpUtf8,
        EnvelopeId = _transaction.EnvelopeId,
        Return = _transaction.Return,
        Listener = _listener.Name,
        ClientAddress = _clientText,
        ClientHello = _hello,
        AuthenticatedAs = _user?.Name,
        Tenant = _user?.Name ?? (_transaction.Sender.Length > 0 ? _transaction.SenderDomain.ToString() : _clientText),
        Traits = traits,
        SizeBytes = draft.Length,
    };

    private void RecordAccepted(Envelope envelope, TimeSpan took) => _context.Evidence.Append(new EvidenceRecord
    {
        At = envelope.ReceivedAt,
        Kind = EvidenceKind.Accepted,
        MessageId = _id.ToString(),
        Sender = _transaction.SenderText,
        Recipient = JoinRecipients(),
        Actor = _listener.Name,
        Remote = _clientText,
        // The message is ours all the same; the client will send it again.
        Reason = _connection.ConnectionClosed.IsCancellationRequested ? "the client had gone before our 250" : null,
        SizeBytes = envelope.SizeBytes,
        Took = took,
    });

    private string JoinRecipients()
    {
        var all = _transaction.Recipients;
        if (all.Count == 1)
            return all[0].Address;
        var text = new StringBuilder();
        for (var i = 0; i < all.Count; i++)
        {
            if (text.Length + all[i].Address.Length > RecipientsTextMax)
                return text.Append(" and ").Append(all.Count - i).Append(" more").ToString();
            text.Append(i == 0 ? "" : " ").Append(all[i].Address);
        }
        return text.ToString();
    }

    private static string ErrorOf(ContentFault fault) => fault == ContentFault.TooBig ? "too_big" : "bare_newline";

    private async ValueTask DropDraftAsync()
    {
        if (_draft is not { } draft)
            return;
        _draft = null;
        await draft.DisposeAsync().ConfigureAwait(false);
    }

    private ValueTask DropTransactionAsync()
    {
        _transaction.Close();
        _hasChunks = false;
        _chunkFault = null;
        return DropDraftAsync();
    }
}
