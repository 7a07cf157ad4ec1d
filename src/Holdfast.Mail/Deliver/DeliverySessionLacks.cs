using Holdfast.Mail.Smtp;
using Holdfast.Mail.Spool;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Mail.Deliver;

/// <summary>What a message needs and a target doesn't offer.</summary>
internal sealed partial class DeliverySession
{
    /// <summary>What the message needs and the target doesn't offer.</summary>
    private static Lack? Lacks(ServerOffers offers, Envelope envelope)
    {
        if (envelope.SmtpUtf8 && !offers.SmtpUtf8)
            return Lack.SmtpUtf8;
        if (TargetConnection.NeedsEightBit(envelope) && !offers.EightBitMime)
            return Lack.EightBitMime;
        return offers.SizeMax > 0 && envelope.SizeBytes > offers.SizeMax ? Lack.Size : null;
    }

    private enum Lack : byte { EightBitMime = 0, SmtpUtf8 = 1, Size = 2 }

    /// <summary>Passes the target over for another; when all of the service's targets are known never to have had it,
    /// the message has failed. One that had it, or answers HELO only, is in trouble and bounces nothing.</summary>
    private void RefuseForLack(in TakenEntry taken, SpooledMessage message, Lack lack, Topology topology)
    {
        var everywhere = true;
        foreach (var site in topology.Services[topology.Sites[taken.Placement.Site.Value].Service.Value]
            .SitesNearestFirst)
        {
            foreach (var id in topology.Sites[site.Value].Targets)
            {
                if (!_context.EverOffered.TryGetValue(id.Value, out var ever) || Lacks(ever, message.Envelope) != lack)
                    everywhere = false;
            }
        }
        AddLack(lack, everywhere ? FailureScope.Message : FailureScope.Target, everywhere);
        _result.FailedTarget = taken.Placement.Target.Value;
    }

    private void AddLack(Lack lack, FailureScope scope, bool permanent)
    {
        var (status, text) = lack switch
        {
            // RFC 6152 §3, RFC 6531 §3.5, RFC 1870 §6.1.
            Lack.EightBitMime => (new EnhancedStatus(5, 6, 3), "the server doesn't take 8-bit content"),
            Lack.SmtpUtf8 => (new EnhancedStatus(5, 6, 7), "the server doesn't take Unicode addresses"),
            _ => (new EnhancedStatus(5, 3, 4), "the message is larger than the server takes"),
        };
        var reply = new SmtpReply(lack == Lack.Size ? 552 : 554, status, text);
        foreach (var index in _tx.Recipients)
        {
            _result.Recipients.Add(new RecipientResult(index, RecipientFate.Failed,
                new ReplyClassification(scope, permanent, text, RetryAdvice.Usual, -1), permanent ? reply : null,
                text));
        }
    }
}
