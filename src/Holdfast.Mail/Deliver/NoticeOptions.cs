using System.ComponentModel.DataAnnotations;

namespace Holdfast.Mail.Deliver;

/// <summary>What our notices (delivery status notifications) look like: section
/// <c>Holdfast:Mail:Deliver:Notices</c>. Whether they are sent is said per route.</summary>
public sealed class NoticeOptions
{
    public const string Section = "Holdfast:Mail:Deliver:Notices";

    /// <summary>Address in the From field; the envelope's sender is always the null sender (RFC 5321 §4.5.5).</summary>
    /// <value>Empty: MAILER-DAEMON at the host's name.</value>
    public string FromAddress { get; set; } = "";

    /// <summary>Name in the From field.</summary>
    /// <value>Mail Delivery System, as Postfix.</value>
    [Required, MaxLength(100)]
    public string FromName { get; set; } = "Mail Delivery System";

    /// <summary>Whom the reader may ask, at the end of each notice; for example an address or a page.</summary>
    /// <value>Empty: nothing is said.</value>
    [MaxLength(500)]
    public string Contact { get; set; } = "";

    /// <summary>Most octets of the message that a failure notice returns. A larger one, or one whose sender asked for
    /// it (RET=HDRS), returns its header alone.</summary>
    /// <value>50 000, as Postfix's <c>bounce_size_limit</c>. Range 0 to 16 MiB.</value>
    [Range(0, 16_777_216)]
    public int ReturnBytesMax { get; set; } = 50_000;
}
