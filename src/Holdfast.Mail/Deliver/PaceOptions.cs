using System.ComponentModel.DataAnnotations;

namespace Holdfast.Mail.Deliver;

/// <summary>Receiving limits of the provider behind <c>Profile: ExchangeOnline</c>: section
/// <c>Holdfast:Mail:Deliver:Pace</c>.</summary>
public sealed class PaceOptions
{
    public const string Section = "Holdfast:Mail:Deliver:Pace";

    /// <summary>Messages that one mailbox takes in any hour; beyond it the provider refuses for good.</summary>
    /// <value>3 600, Exchange Online's receiving limit. Range 10 to 1 000 000.</value>
    [Range(10, 1_000_000)]
    public int MailboxPerHour { get; set; } = 3_600;

    /// <summary>Share of <see cref="MailboxPerHour"/> that one sender may have at one mailbox.</summary>
    /// <value>0.33, as Exchange Online's. Range 0.01 to 1.</value>
    [Range(0.01, 1.0)]
    public double PairShare { get; set; } = 0.33;

    /// <summary>How much of those limits we use: the mailbox also gets mail that doesn't pass through us.</summary>
    /// <value>0.8. Range 0.1 to 1.</value>
    [Range(0.1, 1.0)]
    public double Margin { get; set; } = 0.8;

    /// <summary>Share of an hour's messages that may go at once to a mailbox that was quiet; the rest is spread over
    /// the hour.</summary>
    /// <value>0.25. Range 0.01 to 0.9.</value>
    [Range(0.01, 0.9)]
    public double BurstShare { get; set; } = 0.25;

    /// <summary>Mailboxes, and sender–mailbox pairs, that are followed one by one (16 bytes each). Beyond it the least
    /// busy ones share a count: never over the limit, at times slower than need be.</summary>
    /// <value>65 536. Range 1 024 to 16 777 216; rounded up to a power of two.</value>
    [Range(1_024, 16_777_216)]
    public int EntriesMax { get; set; } = 65_536;
}
