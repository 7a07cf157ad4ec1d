using System.Text;
using Holdfast.Mail.Smtp;
using Holdfast.Mail.Spool;

namespace Holdfast.Mail.Queue;

/// <summary>Turns messages into their exported form, and that form back into an envelope once every bound holds.
/// </summary>
internal static class ExportedForm
{
    private const long ContentBytesMax = 1L << 30;
    private const int RecipientsMax = 65_535;
    private const int TextMax = 512;

    public static ExportedMessage Of(SpooledMessage message, long contentBytes, DateTimeOffset now)
    {
        var (envelope, progress) = (message.Envelope, message.Progress);
        var recipients = new ExportedRecipient[envelope.Recipients.Count];
        for (var i = 0; i < recipients.Length; i++)
        {
            var (recipient, state) = (envelope.Recipients[i], progress.Recipients[i]);
            recipients[i] = new ExportedRecipient
            {
                Address = recipient.Address, Notify = recipient.Notify,
                OriginalRecipient = recipient.OriginalRecipient, State = state.State, Attempts = state.Attempts,
                UnknownOutcomes = state.UnknownOutcomes, LastAttemptAt = state.LastAttemptAt,
                NextAttemptAt = state.NextAttemptAt, LastReply = state.LastReply, LastTarget = state.LastTarget,
            };
        }
        return new ExportedMessage
        {
            Format = ExportedMessage.FormatName,
            Version = ExportedMessage.FormatVersion,
            Id = envelope.Id.ToString(),
            ExportedAt = now,
            ContentBytes = contentBytes,
            Envelope = new ExportedEnvelope
            {
                ReceivedAt = envelope.ReceivedAt, Sender = envelope.Sender, Recipients = recipients,
                Priority = envelope.Priority, Body = envelope.Body, SmtpUtf8 = envelope.SmtpUtf8,
                EnvelopeId = envelope.EnvelopeId, Return = envelope.Return, Listener = envelope.Listener,
                ClientAddress = envelope.ClientAddress, ClientHello = envelope.ClientHello,
                AuthenticatedAs = envelope.AuthenticatedAs, Tenant = envelope.Tenant,
            },
            Progress = new ExportedProgress
            {
                IsHeld = progress.IsHeld, HoldReason = progress.HoldReason,
                DelayNoticeSent = progress.DelayNoticeSent, ClosedSeconds = progress.ClosedTime.TotalSeconds,
            },
        };
    }

    /// <summary>An envelope for the recipients that still wait; id, time, traits and size are the caller's.</summary>
    /// <exception cref="InvalidDataException">Something is missing or out of bounds.</exception>
    public static Envelope Check(ExportedMessage head)
    {
        if (head.Format != ExportedMessage.FormatName)
            throw Bad($"it doesn't begin with the head of a {ExportedMessage.FormatName}");
        if (head.Version != ExportedMessage.FormatVersion)
            throw Bad($"its version is {head.Version}; this server reads {ExportedMessage.FormatVersion}");
        if (head.ContentBytes is < 0 or > ContentBytesMax)
            throw Bad("its content's length is out of bounds");
        if (head.Envelope is not { Recipients: not null, Sender: not null } from)
            throw Bad("it has no envelope");
        if (from.Recipients.Count is 0 or > RecipientsMax)
            throw Bad($"it has {from.Recipients.Count} recipients; 1 to {RecipientsMax} are possible");
        if (from.Priority > 5 || !Enum.IsDefined(from.Body) || !Enum.IsDefined(from.Return))
            throw Bad("its priority, body or return is out of bounds");
        var recipients = new List<EnvelopeRecipient>(from.Recipients.Count);
        foreach (var recipient in from.Recipients)
        {
            if (recipient?.Address is not { } address || !Enum.IsDefined(recipient.State)
                || (byte)recipient.Notify > 15)
                throw Bad("one of its recipients is malformed");
            if (recipient.State is RecipientState.Waiting or RecipientState.OutcomeUnknown)
                recipients.Add(new EnvelopeRecipient(Address(address, from.SmtpUtf8, "recipient"), recipient.Notify,
                    recipient.OriginalRecipient is { } original ? OneLine(original, TextMax) : null));
        }
        if (recipients.Count == 0)
            throw Bad("nobody waits for it any more: every recipient is done");
        return new Envelope
        {
            Id = default,
            ReceivedAt = default,
            Sender = from.Sender.Length == 0 ? "" : Address(from.Sender, from.SmtpUtf8, "sender"),
            Recipients = recipients,
            Priority = from.Priority,
            Body = from.Body,
            SmtpUtf8 = from.SmtpUtf8,
            EnvelopeId = from.EnvelopeId is { } envid ? OneLine(envid, 100) : null,
            Return = from.Return,
            Listener = OneLine(from.Listener, 100),
            ClientAddress = OneLine(from.ClientAddress, 64),
            ClientHello = OneLine(from.ClientHello, 255),
            AuthenticatedAs = from.AuthenticatedAs is { } user ? OneLine(user, 255) : null,
            Tenant = OneLine(from.Tenant, 255),
        };
    }

    /// <summary>Nothing from a file may start a line anywhere.</summary>
    internal static string OneLine(string? text, int charactersMax)
    {
        if (text is null)
            return "";
        if (text.Length > charactersMax)
            text = text[..(char.IsHighSurrogate(text[charactersMax - 1]) ? charactersMax - 1 : charactersMax)];
        return text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c)) : text;
    }

    private static string Address(string text, bool allowUtf8, string what)
    {
        if (text.Length > EmailAddress.PathBytesMax
            || !EmailAddress.TryParsePath(Encoding.UTF8.GetBytes($"<{text}>"), allowUtf8, out var address, out _)
            || address.IsNull)
            throw Bad($"a {what} is no address that SMTP can carry");
        return address.Text;
    }

    private static InvalidDataException Bad(string why) => new(why);
}
