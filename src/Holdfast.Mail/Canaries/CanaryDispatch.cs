using Holdfast.Mail.Deliver;
using Holdfast.Mail.Spool;

namespace Holdfast.Mail.Canaries;

/// <summary>Sends canaries straight to their site's targets.</summary>
internal sealed class CanaryDispatch(DirectDispatch direct, Func<string> hostName, Func<MessageId> newId,
    TimeProvider time) : ICanaryDispatch
{
    public async Task<CanaryDispatchResult> SendAsync(CanaryProbeOptions probe, string token, CancellationToken abort)
    {
        var now = time.GetUtcNow();
        var content = CanaryMessage.Compose(token, probe, hostName(), now);
        var envelope = new Envelope
        {
            Id = newId(), ReceivedAt = now,
            Sender = probe.ReadBack == CanaryReadBack.Reply ? probe.Sender : "",
            Recipients = [new EnvelopeRecipient(probe.Recipient, DsnNotify.Never)],
            SmtpUtf8 = !System.Text.Ascii.IsValid(probe.Recipient) || !System.Text.Ascii.IsValid(probe.Sender),
            Traits = System.Text.Ascii.IsValid(content) ? ContentTraits.None : ContentTraits.HasEightBit,
            Listener = "canary", SizeBytes = content.Length,
        };
        var sent = await direct.SendAsync(probe.Site, envelope, content, abort).ConfigureAwait(false);
        return new CanaryDispatchResult(sent.IsTaken, sent.IsSitesFault, sent.Text);
    }
}
