using System.ComponentModel.DataAnnotations;

namespace Holdfast.Mail.Receive;

/// <summary>Whom a listener serves. Decides, alone, which recipients it takes.</summary>
public enum ListenerRole : byte
{
    /// <summary>Anyone, for recipients of our domains only.</summary>
    Inbound = 0,
    /// <summary>Signed-in users, for any recipient.</summary>
    Submission = 1,
    /// <summary>Trusted networks, for any recipient.</summary>
    Relay = 2,
}

/// <summary>TLS of a listener.</summary>
public enum ListenerTls : byte
{
    None = 0,
    /// <summary>Offered by STARTTLS.</summary>
    StartTls = 1,
    /// <summary>Offered by STARTTLS; no mail without it.</summary>
    Required = 2,
    /// <summary>TLS from the first byte (RFC 8314).</summary>
    Implicit = 3,
}

/// <summary>What happens to a bare CR or LF in a message's data.</summary>
public enum BareNewlineHandling : byte
{
    /// <summary>The message is refused after its data with 550 5.5.2.</summary>
    Reject = 0,
    /// <summary>Each is made a CRLF; none ever ends the data.</summary>
    Normalise = 1,
}

/// <summary>One address and port where mail is taken in: <c>Holdfast:Mail:Receive:Listeners</c>.</summary>
public sealed class ListenerOptions
{
    /// <summary>Name in logs, evidence and metrics; unique.</summary>
    [Required] public string Name { get; set; } = "";

    /// <summary>IP address and port, for example <c>0.0.0.0:25</c> or <c>[::]:25</c>.</summary>
    [Required] public string Endpoint { get; set; } = "";

    /// <summary>Whom it serves: <c>Inbound</c>, <c>Submission</c> or <c>Relay</c>.</summary>
    /// <value>Inbound.</value>
    public ListenerRole Role { get; set; } = ListenerRole.Inbound;

    /// <summary>Networks (CIDR) that a relay listener relays for. On inbound listeners they skip the greeting delay.
    /// </summary>
    /// <value>None.</value>
    public string[] TrustedNetworks { get; set; } = [];

    /// <summary><c>None</c>, <c>StartTls</c>, <c>Required</c> or <c>Implicit</c>.</summary>
    /// <value>None.</value>
    public ListenerTls Tls { get; set; } = ListenerTls.None;

    /// <summary>PEM file with the certificate and its chain. Read again when it changes.</summary>
    /// <value>None. Required with TLS.</value>
    public string? CertificateFile { get; set; }

    /// <summary>PEM file with the private key.</summary>
    /// <value>None: the key is in <see cref="CertificateFile"/>.</value>
    public string? KeyFile { get; set; }

    /// <summary>Priority of its messages, 0 (most important) to 5, unless a user or rule says otherwise.</summary>
    /// <value>3. Range 0 to 5.</value>
    [Range(0, 5)]
    public int Priority { get; set; } = 3;

    /// <summary>Networks of load balancers that must begin each connection with a PROXY protocol v2 header.</summary>
    /// <value>None.</value>
    public string[] ProxyProtocolFrom { get; set; } = [];

    /// <summary>Networks whose XCLIENT command is believed.</summary>
    /// <value>None.</value>
    public string[] XclientFrom { get; set; } = [];

    /// <summary>Networks whose MT-PRIORITY (RFC 6710) is believed.</summary>
    /// <value>None.</value>
    public string[] MtPriorityFrom { get; set; } = [];

    /// <summary><c>Reject</c>, or <c>Normalise</c> (submission and relay only).</summary>
    /// <value>Reject.</value>
    public BareNewlineHandling BareNewlines { get; set; } = BareNewlineHandling.Reject;

    /// <summary>Domains that an inbound listener takes mail for; <c>.example.org</c> means every subdomain.</summary>
    /// <value>None.</value>
    public string[] Domains { get; set; } = [];

    /// <summary>File with one such domain a line, besides <see cref="Domains"/>. The last good copy keeps serving when
    /// it is gone.</summary>
    /// <value>None.</value>
    public string? DomainsFile { get; set; }

    /// <summary>File with one valid recipient a line, an address or <c>@domain</c>. The last good copy keeps serving
    /// when it is gone; with no copy at all recipients get 451 4.3.0.</summary>
    /// <value>None: every local part of our domains is valid.</value>
    public string? RecipientsFile { get; set; }

    /// <summary>Separates a tag from the user in a local part: <c>user+tag</c> is valid when <c>user</c> is.</summary>
    /// <value><c>+</c>, as Exchange Online and Postfix. Empty: off.</value>
    [MaxLength(1)]
    public string SubaddressSeparator { get; set; } = "+";

    /// <summary>Where <c>RCPT TO:&lt;postmaster&gt;</c> without a domain goes.</summary>
    /// <value><c>postmaster@</c> the first of <see cref="Domains"/>, else <c>postmaster@</c> our host name.</value>
    public string? Postmaster { get; set; }

    /// <summary>Lets users sign in without TLS: for tests on a loopback endpoint only.</summary>
    /// <value>false.</value>
    public bool AllowPlainTextAuth { get; set; }

    /// <summary>Closes with 554 5.5.0 when a client sends more before it can know our answer to EHLO or HELO. After
    /// DATA, STARTTLS and AUTH that is never allowed.</summary>
    /// <value>true for inbound, false for submission and relay.</value>
    public bool? StrictPipelining { get; set; }
}
