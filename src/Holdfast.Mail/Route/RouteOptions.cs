using System.ComponentModel.DataAnnotations;

namespace Holdfast.Mail.Route;

/// <summary>Where mail for which domain goes: section <c>Holdfast:Mail:Route</c>.</summary>
public sealed class RouteOptions
{
    public const string Section = "Holdfast:Mail:Route";

    /// <summary>Rules in order; the first one that matches a recipient's domain decides. A domain that no rule matches
    /// waits (it is our configuration that lacks, so nothing is bounced) until a rule is added or it expires.</summary>
    public RouteRuleOptions[] Rules { get; set; } = [];

    /// <summary>Longest wait for one DNS answer.</summary>
    /// <value>5 seconds, as resolv.conf's default. Range 100 ms to 1 minute.</value>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan DnsTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Shortest time for which a DNS answer is kept, whatever its TTL says.</summary>
    /// <value>5 seconds. Range 0 to 1 hour.</value>
    [Range(typeof(TimeSpan), "00:00:00", "01:00:00")]
    public TimeSpan DnsKeepMin { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest time after which a DNS answer is asked for again. While DNS fails the last answer goes on
    /// serving beyond it.</summary>
    /// <value>1 hour. Range 1 second to 1 day.</value>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan DnsKeepMax { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Host names and domains whose answers are kept; beyond it the least recently used ones go.</summary>
    /// <value>10 000. Range 16 to 1 000 000.</value>
    [Range(16, 1_000_000)]
    public int DnsEntriesMax { get; set; } = 10_000;

    /// <summary>DNS servers to ask, as address or address:port. Empty: those of the system.</summary>
    public string[] DnsServers { get; set; } = [];

    /// <summary>Port of mail exchangers on MX routes.</summary>
    /// <value>25 (RFC 5321 §4.5.4.2). Range 1 to 65 535.</value>
    [Range(1, 65_535)]
    public int MxPort { get; set; } = 25;
}

/// <summary>One rule: which domains it speaks of, where their mail goes and how.</summary>
public sealed class RouteRuleOptions
{
    /// <summary>Name in metrics, status and scheduling; must be unique. Empty: made from the service.</summary>
    public string Name { get; set; } = "";

    /// <summary><c>example.com</c> (that domain), <c>*.example.com</c> (every domain below it, not itself) or
    /// <c>*</c> (all). Use this or <see cref="Domains"/>, or both.</summary>
    public string Domain { get; set; } = "";

    /// <summary>More domains, in the same form.</summary>
    public string[] Domains { get; set; } = [];

    /// <summary>Service of <c>Holdfast:Topology:Sites</c> that takes the mail. Either this or <see cref="Mx"/>.
    /// </summary>
    public string Service { get; set; } = "";

    /// <summary>True: deliver directly to the mail exchangers of the recipient's domain.</summary>
    /// <value>false.</value>
    public bool Mx { get; set; }

    /// <summary>TLS towards the target.</summary>
    /// <value>Opportunistic: STARTTLS when offered, certificate not judged (RFC 7435).</value>
    public TlsMode Tls { get; set; } = TlsMode.Opportunistic;

    /// <summary>Names of which the target's certificate must bear one (<c>*.mail.example</c> stands for one label);
    /// with <see cref="TlsMode.Required"/> only. Empty: the target's host name.</summary>
    public string[] TlsNames { get; set; } = [];

    /// <summary>SHA-256 of the certificate's SubjectPublicKeyInfo in base64 or hex; one must match. With
    /// <see cref="TlsMode.Required"/> only. A matching pin replaces the check of chain and name.</summary>
    public string[] TlsPins { get; set; } = [];

    /// <summary>Provider behind the route; its published receiving limits are then kept to.</summary>
    /// <value>None.</value>
    public ProviderProfile Profile { get; set; }

    /// <summary>Priority of mail on this route when the message has none of its own, 0 (most important) to 5.</summary>
    /// <value>null: the message's.</value>
    [Range(0, 5)]
    public int? Priority { get; set; }

    /// <summary>Tell senders when their mail waits long.</summary>
    /// <value>true.</value>
    public bool SendDelayNotices { get; set; } = true;

    /// <summary>Tell senders when their mail could not be delivered. Off: failures stand in the evidence journal only;
    /// for routes whose senders must not learn of it.</summary>
    /// <value>true.</value>
    public bool SendFailureNotices { get; set; } = true;

    /// <summary>Most recipients in one transaction.</summary>
    /// <value>100, which every server must take (RFC 5321 §4.5.3.1.8). Range 1 to 1 000.</value>
    [Range(1, 1_000)]
    public int RecipientsPerTransactionMax { get; set; } = 100;
}

/// <summary>TLS towards a target.</summary>
public enum TlsMode
{
    /// <summary>STARTTLS is never used.</summary>
    None = 0,
    /// <summary>Used when offered, any certificate; in clear when not offered.</summary>
    Opportunistic = 1,
    /// <summary>No TLS with a certificate that holds, no delivery.</summary>
    Required = 2,
}

/// <summary>Provider whose limits a route keeps to.</summary>
public enum ProviderProfile
{
    None = 0,
    /// <summary>Microsoft's hosted Exchange: 3 600 messages an hour a mailbox, a third of it from one sender.</summary>
    ExchangeOnline = 1,
}
