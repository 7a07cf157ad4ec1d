using Holdfast.Mail.Route;
using Microsoft.Extensions.Options;

namespace Holdfast.Mail.Deliver;

/// <summary>The options that delivery lives by, as they are now.</summary>
/// <param name="HostName">Our own name (<c>Holdfast:HostName</c>).</param>
internal sealed record DeliverySources(
    IOptionsMonitor<DeliverOptions> Deliver, IOptionsMonitor<RetryOptions> Retry, IOptionsMonitor<PaceOptions> Pace,
    IOptionsMonitor<NoticeOptions> Notices, IOptionsMonitor<RouteOptions> Route, Func<string> HostName)
{
    /// <summary>A snapshot; the pacer's counts are kept as long as its options stay the same.</summary>
    public DeliverySnapshot Take(RouteTable rules, DeliverySnapshot? before = null)
    {
        var options = Deliver.CurrentValue;
        var pace = Pace.CurrentValue;
        var pacer = before is not null && Same(before.PaceOptions, pace) ? before.Pacer : new RecipientPacer(pace);
        var host = HostName();
        return new DeliverySnapshot(options, rules, new RetryPolicy(Retry.CurrentValue),
            new NoticeComposer(Notices.CurrentValue, host), pacer, pace,
            options.HelloName.Length > 0 ? options.HelloName : host);
    }

    private static bool Same(PaceOptions a, PaceOptions b) => a.MailboxPerHour == b.MailboxPerHour
        && a.PairShare.Equals(b.PairShare) && a.Margin.Equals(b.Margin) && a.BurstShare.Equals(b.BurstShare)
        && a.EntriesMax == b.EntriesMax;
}
