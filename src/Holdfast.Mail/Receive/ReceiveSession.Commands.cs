using System.Buffers;
using System.Text;
using Holdfast.Mail.Smtp;
using Holdfast.Mail.Spool;

namespace Holdfast.Mail.Receive;

/// <content>Commands: which may come when, and what each is answered.</content>
internal sealed partial class ReceiveSession
{
    private readonly SmtpCommand _command = new();
    private readonly Transaction _transaction = new();
    private OfferedExtensions _offered;

    /// <summary>Answers all complete lines in the buffer, up to one after which something must be waited for.</summary>
    private NextStep Answer(ref ReadOnlySequence<byte> buffer)
    {
        while (buffer.PositionOf((byte)'\n') is { } end)
        {
            var line = buffer.Slice(0, end);
            buffer = buffer.Slice(buffer.GetPosition(1, end));
            _awaitsNewCommand = true;
            var next = AnswerLine(line, hasMore: !buffer.IsEmpty);
            if (next == NextStep.Close)
                return next;
            if (_errors > (_context.IsStressed ? Math.Max(1, Options.ErrorsMax / 10) : Options.ErrorsMax))
            {
                Refuse(StandardReplies.TooManyErrors, "too_many_errors");
                return NextStep.Close;
            }
            if (next != NextStep.Command)
                return next;
        }
        // Without an end in sight the line is dropped as it comes; its reply waits for the end.
        if (buffer.Length > SmtpCommandParser.AnyLineBytesMax || (_isSkippingLine && !buffer.IsEmpty))
        {
            _isSkippingLine = true;
            buffer = buffer.Slice(buffer.End);
        }
        return NextStep.Command;
    }

    private NextStep AnswerLine(ReadOnlySequence<byte> line, bool hasMore)
    {
        if (_isSkippingLine || line.Length > SmtpCommandParser.AnyLineBytesMax)
        {
            _isSkippingLine = false;
            return Fault(StandardReplies.LineTooLong);
        }
        if (line.IsSingleSegment)
            return AnswerLine(line.FirstSpan, hasMore);
        var length = (int)line.Length;
        var rented = ArrayPool<byte>.Shared.Rent(length);
        line.CopyTo(rented);
        var next = AnswerLine(rented.AsSpan(0, length), hasMore);
        ArrayPool<byte>.Shared.Return(rented, clearArray: true);
        return next;
    }

    private NextStep AnswerLine(ReadOnlySpan<byte> line, bool hasMore)
    {
        // RFC 5321 §2.3.8: a line ends in CR LF and in nothing else.
        if (line.IsEmpty || line[^1] != '\r')
            return Fault(StandardReplies.BareNewlineInCommand);
        line = line[..^1];
        if (!SmtpCommandParser.TryParse(line, _offered, _transaction.SmtpUtf8, _command, out var refusal))
            return Unparsed(line, refusal!);
        switch (_command.Verb)
        {
            case SmtpVerb.Mail:
                return OnMail();
            case SmtpVerb.Rcpt:
                return OnRcpt();
            case SmtpVerb.Data:
                return OnData(hasMore);
            case SmtpVerb.Bdat:
                return OnBdat();
            case SmtpVerb.Ehlo or SmtpVerb.Helo:
                return OnHello(hasMore);
            case SmtpVerb.Quit:
                Say(StandardReplies.Goodbye);
                return NextStep.Close;
            case SmtpVerb.StartTls:
                return OnStartTls();
            case SmtpVerb.Auth:
                return OnAuth(hasMore);
            case SmtpVerb.XClient:
                return OnXClient();
            case SmtpVerb.Rset:
                CountIdle();
                Say(StandardReplies.Ok);
                return Reset();
            case SmtpVerb.Noop:
                CountIdle();
                Say(StandardReplies.Ok);
                return NextStep.Command;
            case SmtpVerb.Vrfy:
                CountIdle();
                Say(StandardReplies.CannotVerify);
                return NextStep.Command;
            case SmtpVerb.Help:
                CountIdle();
                Say(StandardReplies.Help);
                return NextStep.Command;
            default:
                return Fault(StandardReplies.NotImplemented);
        }
    }

    private NextStep Unparsed(ReadOnlySpan<byte> line, SmtpReply refusal)
    {
        if (_command.Verb == SmtpVerb.Unknown && IsHttp(line))
        {
            // A browser made to talk to us: what follows would be taken for commands.
            Refuse(StandardReplies.HttpSpoken, "http");
            return NextStep.Close;
        }
        Fault(refusal);
        // RFC 3030 §2: without a size nobody knows where the chunk ends.
        return _command.Verb == SmtpVerb.Bdat ? NextStep.Close : NextStep.Command;
    }

    private static bool IsHttp(ReadOnlySpan<byte> line) =>
        line.StartsWith("GET "u8) || line.StartsWith("POST "u8) || line.StartsWith("PUT "u8)
        || line.StartsWith("HEAD "u8) || line.StartsWith("OPTIONS "u8) || line.StartsWith("CONNECT "u8);

    /// <summary>Forgets the transaction; a draft needs a waiting step for it.</summary>
    private NextStep Reset()
    {
        if (_draft is not null)
            return NextStep.Reset;
        _transaction.Close();
        _hasChunks = false;
        _chunkFault = null;
        return NextStep.Command;
    }

    private void CountIdle()
    {
        if (++_idleCommands > Options.IdleCommandsMax)
            _errors++;
    }

    private NextStep OnHello(bool hasMore)
    {
        if (hasMore && _listener.StrictPipelining)
            return OutOfStep();
        _hello = _command.Argument;
        _isExtended = _command.Verb == SmtpVerb.Ehlo;
        _offered = OfferedExtensions.None;
        if (!_isExtended)
        {
            Say(new SmtpReply(250, EnhancedStatus.None, _context.Policy.HostName));
            return Reset();
        }
        var mtPriority = _listener.MtPriorityFrom.Contains(_client);
        _offered = OfferedExtensions.Size | OfferedExtensions.EightBitMime | OfferedExtensions.SmtpUtf8
            | OfferedExtensions.Dsn | OfferedExtensions.Chunking
            | (mtPriority ? OfferedExtensions.MtPriority : 0)
            | (MaySignIn || _user is not null ? OfferedExtensions.Auth : 0);
        Say(Capabilities.Write(_context.Policy.HostName, Options.MessageBytesMax, OffersTls, MaySignIn, mtPriority,
            _listener.XclientFrom.Contains(_peer)));
        return Reset();
    }

    private NextStep OnMail()
    {
        if (_hello.Length == 0)
            return Fault(StandardReplies.NeedHello);
        if (_listener.Tls == ListenerTls.Required && _tls is null)
            return LacksCertificate ? ShedForCertificate() : Fault(StandardReplies.TlsRequired);
        if (_listener.Role == ListenerRole.Submission && _user is null)
        {
            if (LacksCertificate && !MaySignIn)
                return ShedForCertificate();
            Refuse(StandardReplies.AuthRequired, "sign_in_required");
            return NextStep.Command;
        }
        if (_transaction.IsOpen || _hasChunks)
            return Fault(StandardReplies.NestedMail);
        if (_host.IsDraining)
        {
            Say(StandardReplies.ShuttingDown);
            return NextStep.Close;
        }
        // Rules may have changed since the last message.
        _listener = _host.Policy;
        _isTrusted = _listener.Trusted.Contains(_client);
        var sender = _command.Address;
        if (_command.Size > Options.MessageBytesMax)
        {
            // RFC 1870 §6.1.
            Refuse(StandardReplies.MessageTooBig, "too_big", reason: $"{sender.Text}: announced {_command.Size} bytes");
            return NextStep.Command;
        }
        // RFC 6409 §6.1. The null sender is nobody's: receipts and notices use it.
        if (_user is { } user && !sender.IsNull && !user.Senders.Contains(sender.Text, '\0'))
        {
            Refuse(StandardReplies.SenderNotYours, "sender", reason: $"{user.Name} may not send as {sender.Text}");
            return NextStep.Command;
        }
        _transaction.Open(sender.Text, PriorityAtMail(sender));
        _transaction.DeclaredBytes = _command.Size;
        _transaction.Body = _command.Body;
        _transaction.SmtpUtf8 = _command.SmtpUtf8;
        _transaction.EnvelopeId = _command.EnvelopeId;
        _transaction.Return = _command.Return;
        _transaction.IsPriorityFixed = _command.MtPriority is not null;
        // A rule for a recipient may still raise the priority: then RCPT decides.
        var mayRise = !_transaction.IsPriorityFixed && _context.Policy.Priorities.HasRecipientRules;
        var pressure = _context.Spool.Pressure;
        if (pressure != SpoolPressure.None && (!mayRise || pressure >= SpoolPressure.OutOfSpace)
            && Admission.Check(pressure, _transaction.Priority) is var shed and not ShedReason.None)
        {
            Shed(shed);
            _transaction.Close();
            return NextStep.Command;
        }
        Say(StandardReplies.SenderOk);
        return NextStep.Command;
    }

    private byte PriorityAtMail(EmailAddress sender)
    {
        if (_command.MtPriority is { } mt)
            return MessagePriority.OfMtPriority(mt);
        return _context.Policy.Priorities.OfSenderRule(sender.Domain, _user is not null || _isTrusted)
            ?? _user?.Priority ?? (byte)_listener.Options.Priority;
    }

    private NextStep OnRcpt()
    {
        if (!_transaction.IsOpen)
            return Fault(StandardReplies.NeedMail);
        if (_hasChunks)
            return Fault(StandardReplies.BadSequence);
        var address = _command.Address;
        if (_transaction.Recipients.Count >= Options.RecipientsMax)
        {
            Say(StandardReplies.TooManyRecipients);
            _context.Metrics.Refused(_listener.Name, "too_many_recipients");
            return NextStep.Command;
        }
        var text = address.Text;
        if (IsProbeRecipient(text))
            return OnProbeRecipient(text);
        // What ends here mustn't be mixed with what goes on (RFC 5321 §4.5.3.1.10: the rest comes by itself).
        if (_transaction.IsProbe)
        {
            Say(StandardReplies.TooManyRecipients);
            return NextStep.Command;
        }
        switch (RecipientPolicy.Decide(_listener, _isTrusted, _user is not null, text))
        {
            case RecipientDecision.Accept:
                break;
            case RecipientDecision.UnknownUser:
                Refuse(StandardReplies.NoSuchUser, "unknown_recipient", text);
                return NextStep.Command;
            case RecipientDecision.Unavailable:
                Shed(ReceiveReplies.DirectoryUnavailable, "directory", text);
                return NextStep.Command;
            case RecipientDecision.SignInRequired:
                Refuse(StandardReplies.AuthRequired, "sign_in_required", text);
                return NextStep.Command;
            default:
                Refuse(StandardReplies.RelayDenied, "relay", text);
                return NextStep.Command;
        }
        RaisePriority(address);
        var pressure = _context.Spool.Pressure;
        if (pressure != SpoolPressure.None
            && Admission.Check(pressure, _transaction.Priority) is var shed and not ShedReason.None)
            return Shed(shed, text);
        _transaction.Recipients.Add(new EnvelopeRecipient(address.IsBarePostmaster ? _listener.Postmaster : text,
            _command.Notify, _command.OriginalRecipient));
        Say(StandardReplies.RecipientOk);
        return NextStep.Command;
    }

    /// <summary>A probe's address is nobody's: who may send to us at all may send to it, lists of recipients or not.
    /// </summary>
    private bool IsProbeRecipient(string address) => _context.Probes is { } probes && probes.Contains(address)
        && (_listener.Role == ListenerRole.Inbound || (_listener.Role == ListenerRole.Relay && _isTrusted));

    private NextStep OnProbeRecipient(string address)
    {
        if (_transaction.Recipients.Count > 0)
        {
            Say(StandardReplies.TooManyRecipients);
            return NextStep.Command;
        }
        _transaction.IsProbe = true;
        _transaction.Recipients.Add(new EnvelopeRecipient(address));
        Say(StandardReplies.RecipientOk);
        return NextStep.Command;
    }

    /// <summary>A rule for the recipient's domain gives the message its priority; of several the most important.
    /// </summary>
    private void RaisePriority(EmailAddress recipient)
    {
        var priorities = _context.Policy.Priorities;
        if (_transaction.IsPriorityFixed || !priorities.HasRecipientRules)
            return;
        if (priorities.OfRecipientRule(_transaction.SenderDomain, _user is not null || _isTrusted, recipient.Domain)
            is not { } priority)
            return;
        if (!_transaction.HasRecipientPriority || priority < _transaction.Priority)
            _transaction.Priority = priority;
        _transaction.HasRecipientPriority = true;
    }

    private NextStep OnData(bool hasMore)
    {
        // RFC 2920 §3.1: DATA is the last of its group. What follows is content that didn't wait for 354, and must
        // never be read as commands, whatever DATA is answered.
        if (hasMore)
            return OutOfStep();
        if (!_transaction.IsOpen)
            return Fault(StandardReplies.NeedMail);
        if (_hasChunks || _transaction.Body == BodyKind.BinaryMime)
            return Fault(StandardReplies.NeedsBdat);
        if (_transaction.Recipients.Count == 0)
            return Fault(StandardReplies.NoValidRecipients);
        var pressure = _context.Spool.Pressure;
        if (pressure != SpoolPressure.None && !_transaction.IsProbe
            && Admission.Check(pressure, _transaction.Priority) is var shed and not ShedReason.None)
            return Shed(shed, JoinRecipients());
        return NextStep.Data;
    }

    private NextStep OnBdat()
    {
        _chunkBytes = _command.ChunkSize;
        _chunkIsLast = _command.IsLastChunk;
        if (_chunkBytes > 2 * Options.MessageBytesMax)
        {
            Refuse(StandardReplies.MessageTooBig, "too_big", reason: $"announced a chunk of {_chunkBytes} bytes");
            return NextStep.Close;
        }
        // A chunk comes whatever we answer (RFC 3030 §2): it is read and dropped.
        if (_chunkFault is null && !_hasChunks)
        {
            var pressure = _context.Spool.Pressure;
            if (!_transaction.IsOpen)
                _chunkFault = StandardReplies.NeedMail;
            else if (_transaction.Recipients.Count == 0)
                _chunkFault = StandardReplies.NoValidRecipients;
            else if (pressure != SpoolPressure.None && !_transaction.IsProbe)
                _chunkFault = ReplyOf(Admission.Check(pressure, _transaction.Priority));
        }
        return NextStep.Bdat;
    }

    private NextStep OnStartTls()
    {
        if (_tls is not null)
            return Fault(StandardReplies.AlreadyTls);
        if (_listener.Tls is not (ListenerTls.StartTls or ListenerTls.Required))
            return Fault(StandardReplies.NotImplemented);
        return OffersTls ? NextStep.StartTls : ShedForCertificate();
    }

    /// <summary>A certificate that we can't read is our trouble: who needs TLS for it is told to come back.</summary>
    private NextStep ShedForCertificate()
    {
        Shed(StandardReplies.TlsUnavailable, "no_certificate");
        return NextStep.Command;
    }

    private NextStep OnAuth(bool hasMore)
    {
        if (hasMore)
            return OutOfStep();
        if (_user is not null)
            return Fault(StandardReplies.AlreadyAuthenticated);
        if (_listener.Role != ListenerRole.Submission)
            return Fault(StandardReplies.NotImplemented);
        if (!MaySignIn)
            return LacksCertificate ? ShedForCertificate() : Fault(StandardReplies.EncryptionRequiredForAuth);
        if (!_isExtended || _transaction.IsOpen)
            return Fault(StandardReplies.BadSequence);
        if (_command.Argument is not ("PLAIN" or "LOGIN"))
            return Fault(StandardReplies.MechanismUnknown);
        _mechanism = _command.Argument;
        _initialResponse = null;
        if (_command.InitialResponse is { } response)
        {
            // RFC 4954 §4: "=" is an empty response.
            _initialResponse = response == "=" ? [] : FromBase64(Encoding.ASCII.GetBytes(response));
            if (_initialResponse is null)
                return Fault(StandardReplies.BadBase64);
        }
        return NextStep.Auth;
    }

    private NextStep OutOfStep()
    {
        Refuse(ReceiveReplies.OutOfStep, "out_of_step");
        return NextStep.Close;
    }
}
