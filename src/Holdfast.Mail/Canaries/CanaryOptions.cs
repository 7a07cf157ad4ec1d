using System.ComponentModel.DataAnnotations;

namespace Holdfast.Mail.Canaries;

/// <summary>Mail of our own that is sent through a site and read back: section <c>Holdfast:Mail:Canaries</c>. Off
/// until a probe is listed.</summary>
public sealed class CanaryOptions
{
    public const string Section = "Holdfast:Mail:Canaries";

    /// <summary>How often each probe sends a message.</summary>
    /// <value>5 seconds. Range 1 second to 30 seconds: the board forgets them after a minute.</value>
    [Range(typeof(TimeSpan), "00:00:01", "00:00:30")]
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest wait for a message to come back; also the wait while little is known of a site. Else a message
    /// is lost after three times the 99th percentile, at least 10 seconds.</summary>
    /// <value>1 minute. Range 10 seconds to 10 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:10", "00:10:00")]
    public TimeSpan DeadlineMax { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Where to send and how to read back. Several for one site count together.</summary>
    /// <value>None: no canaries.</value>
    public CanaryProbeOptions[] Probes { get; set; } = [];
}

/// <summary>How a canary comes back.</summary>
public enum CanaryReadBack
{
    /// <summary>Whatever gets it answers or redirects it to <see cref="CanaryProbeOptions.Sender"/>, and the answer
    /// comes in through a listener of ours.</summary>
    Reply = 0,
    /// <summary>We sign in to the mailbox and look.</summary>
    Imap = 1,
}

/// <summary>A mailbox at a site to which canaries go.</summary>
public sealed class CanaryProbeOptions
{
    /// <summary>Name of the site in <c>Holdfast:Topology:Sites</c>.</summary>
    /// <value>None: must be set.</value>
    public string Site { get; set; } = "";

    /// <summary>Address of the mailbox. It should be there for nothing else.</summary>
    /// <value>None: must be set.</value>
    public string Recipient { get; set; } = "";

    /// <summary>For <c>Reply</c>: our address, to which answers come. All mail to it is taken for answers and nothing
    /// of it is kept, so it must not be anybody's.</summary>
    /// <value>Empty; must be set for <c>Reply</c>.</value>
    public string Sender { get; set; } = "";

    /// <summary><c>Reply</c> or <c>Imap</c>.</summary>
    /// <value>Reply.</value>
    public CanaryReadBack ReadBack { get; set; }

    /// <summary>The mailbox's server, for <c>Imap</c>.</summary>
    /// <value>null; must be set for <c>Imap</c>.</value>
    public CanaryMailboxOptions? Imap { get; set; }
}

/// <summary>Encryption of the connection to an IMAP server.</summary>
public enum ImapTls
{
    Implicit = 0,
    StartTls = 1,
    /// <summary>In clear: on loopback only, since a password crosses it.</summary>
    None = 2,
}

/// <summary>An IMAP login.</summary>
public sealed class CanaryMailboxOptions
{
    /// <summary>Host and port, as <c>outlook.office365.com:993</c>.</summary>
    /// <value>None: must be set.</value>
    public string Endpoint { get; set; } = "";

    /// <summary>How the connection is encrypted; its certificate must hold.</summary>
    /// <value>Implicit.</value>
    public ImapTls Tls { get; set; }

    /// <summary>Who signs in.</summary>
    /// <value>None: must be set.</value>
    public string User { get; set; } = "";

    /// <summary>File whose first line is the password; read at each sign-in.</summary>
    /// <value>null. One of it and <see cref="PasswordVariable"/> must be set.</value>
    public string? PasswordFile { get; set; }

    /// <summary>Environment variable that holds the password.</summary>
    /// <value>null.</value>
    public string? PasswordVariable { get; set; }

    /// <summary>Folder in which canaries arrive.</summary>
    /// <value>INBOX.</value>
    public string Folder { get; set; } = "INBOX";
}
