using Holdfast.Mail.Route;

namespace Holdfast.Mail.Deliver;

/// <summary>How to open a connection and how long to wait on it.</summary>
/// <param name="HostName">The target's name, for TLS.</param>
/// <param name="HelloName">Our name.</param>
/// <param name="MayStall">True: silence before the final dot is judged by StallAfter, since there are other targets.
/// </param>
internal sealed record ConnectionSettings(
    string HostName, string HelloName, MailRoute Route, DeliverOptions Options, bool MayStall)
{
    public TimeSpan Limit(TimeSpan timeout) =>
        MayStall && Options.StallAfter < timeout ? Options.StallAfter : timeout;
}
