using Holdfast.Mail.Route;

namespace Holdfast.Mail.Deliver;

/// <summary>Everything that a reload swaps, whole.</summary>
internal sealed record DeliverySnapshot(
    DeliverOptions Options, RouteTable Rules, RetryPolicy Retry, NoticeComposer Notices, RecipientPacer Pacer,
    PaceOptions PaceOptions, string HelloName);
