using Holdfast.Mail.Smtp;
using Holdfast.Storage.Journal;

namespace Holdfast.Mail.Receive;

/// <content>Refusals: what is said, counted and recorded.</content>
internal sealed partial class ReceiveSession
{
    /// <summary>Refusals that a session writes to the evidence journal; later ones are only counted.</summary>
    private const int RefusalRecordsMax = 20;

    /// <summary>Says a refusal that is the client's doing, and counts it as an error.</summary>
    private void Refuse(SmtpReply reply, string error, string? recipient = null, string? reason = null)
    {
        Say(reply);
        _errors++;
        _context.Metrics.Refused(_listener.Name, error);
        Record(EvidenceKind.Refused, reply, recipient, reason);
    }

    /// <summary>Says a refusal that protects us; not the client's error.</summary>
    private void Shed(SmtpReply reply, string error, string? recipient = null, string? reason = null)
    {
        Say(reply);
        _context.Metrics.Shed(_listener.Name, error);
        Record(EvidenceKind.Shed, reply, recipient, reason);
    }

    /// <summary>Says that a command can't be understood or comes out of turn: counted, but no evidence.</summary>
    private NextStep Fault(SmtpReply reply)
    {
        Say(reply);
        _errors++;
        _context.Metrics.Refused(_listener.Name, "syntax");
        return NextStep.Command;
    }

    private NextStep Shed(ShedReason reason, string? recipient = null)
    {
        Shed(ReplyOf(reason)!, reason switch
        {
            ShedReason.OutOfSpace => "out_of_space",
            ShedReason.Failed => "storage_failed",
            _ => "pressure",
        }, recipient, $"priority {_transaction.Priority}");
        return NextStep.Command;
    }

    private static SmtpReply? ReplyOf(ShedReason reason) => reason switch
    {
        ShedReason.None => null,
        ShedReason.OutOfSpace => StandardReplies.OutOfSpace,
        ShedReason.Failed => StandardReplies.StorageFailed,
        _ => ReceiveReplies.NotAccepting,
    };

    private void Record(EvidenceKind kind, SmtpReply reply, string? recipient, string? reason)
    {
        if (_evidenceLeft <= 0)
            return;
        if (--_evidenceLeft == 0)
            reason = reason is null ? "further refusals of this session are only counted"
                : reason + "; further refusals of this session are only counted";
        _context.Evidence.Append(new EvidenceRecord
        {
            At = _context.Time.GetUtcNow(),
            Kind = kind,
            Sender = _transaction.IsOpen ? _transaction.SenderText : null,
            Recipient = recipient,
            Actor = _listener.Name,
            Remote = _clientText,
            Reply = reply.ToString(),
            Reason = reason,
        });
    }
}
