using System.ComponentModel.DataAnnotations;

namespace Holdfast.Mail.Receive;

/// <summary>How mail is taken in: section <c>Holdfast:Mail:Receive</c>. Reloaded without dropping sessions.</summary>
public sealed class ReceiveOptions
{
    public const string Section = "Holdfast:Mail:Receive";

    /// <summary>Where to listen, and for whom.</summary>
    /// <value>None: no mail is taken.</value>
    public ListenerOptions[] Listeners { get; set; } = [];

    /// <summary>Largest message, in bytes as received; announced by SIZE.</summary>
    /// <value>150 MiB, as Exchange Online. Range 64 KiB to 1 GiB.</value>
    [Range(64L << 10, 1L << 30)]
    public long MessageBytesMax { get; set; } = 150L << 20;

    /// <summary>Most recipients of one transaction; one more is answered 452 4.5.3.</summary>
    /// <value>1 000, as Exchange Online and Postfix. Range 100 (RFC 5321 §4.5.3.1.8) to 50 000.</value>
    [Range(100, 50_000)]
    public int RecipientsMax { get; set; } = 1_000;

    /// <summary>Most connections in all; one more is answered 421 4.3.2 and closed.</summary>
    /// <value>20 000. Range 1 to 1 000 000.</value>
    [Range(1, 1_000_000)]
    public int ConnectionsMax { get; set; } = 20_000;

    /// <summary>Most connections of one client address; one more is answered 421 4.7.0 and closed. Trusted networks of
    /// a relay listener are exempt.</summary>
    /// <value>1 000. Range 1 to 1 000 000.</value>
    [Range(1, 1_000_000)]
    public int ConnectionsPerAddressMax { get; set; } = 1_000;

    /// <summary>How long a client may take for its next command.</summary>
    /// <value>5 minutes (RFC 5321 §4.5.3.2.7). Range 1 second to 1 hour.</value>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan CommandTimeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a client may pause inside the message's data.</summary>
    /// <value>5 minutes (RFC 5321 §4.5.3.2.7). Range 1 second to 1 hour.</value>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan DataTimeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Average rate in bytes a second that message data must keep after <see cref="DataRateGrace"/>. Ten times
    /// as much is asked for under stress.</summary>
    /// <value>128. Range 0 (off) to 1 048 576.</value>
    [Range(0, 1 << 20)]
    public int DataRateMin { get; set; } = 128;

    /// <summary>Time from DATA on in which the rate is not judged; a tenth of it under stress.</summary>
    /// <value>1 minute. Range 1 second to 1 hour.</value>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan DataRateGrace { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Share of <see cref="ConnectionsMax"/> from which on time-outs and error limits are tightened, as in
    /// Postfix's stress mode.</summary>
    /// <value>0.8. Range 0.1 to 1.</value>
    [Range(0.1, 1.0)]
    public double StressShare { get; set; } = 0.8;

    /// <summary>Command and data time-out under stress.</summary>
    /// <value>10 seconds, as Postfix (STRESS_README). Range 1 second to 5 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan StressTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Refused commands in a session after which it is closed with 421 4.7.0; a tenth of it under stress.
    /// </summary>
    /// <value>20, as Postfix's <c>smtpd_hard_error_limit</c>. Range 1 to 1 000.</value>
    [Range(1, 1_000)]
    public int ErrorsMax { get; set; } = 20;

    /// <summary>Commands between two messages that do nothing for mail (NOOP, RSET, VRFY …) and are taken without
    /// counting as errors.</summary>
    /// <value>100, as Postfix's <c>smtpd_junk_command_limit</c>. Range 1 to 10 000.</value>
    [Range(1, 10_000)]
    public int IdleCommandsMax { get; set; } = 100;

    /// <summary>Received: headers from which on a message is taken to loop and refused with 554 5.4.6.</summary>
    /// <value>50, as Postfix's <c>hopcount_limit</c>. Range 10 to 1 000.</value>
    [Range(10, 1_000)]
    public int HopsMax { get; set; } = 50;

    /// <summary>Wait before the greeting on inbound listeners; a client that talks before it is refused with
    /// 554 5.5.0. Trusted networks don't wait.</summary>
    /// <value>1 second. Range 0 (off) to 30 seconds.</value>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:30")]
    public TimeSpan GreetingDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a TLS handshake may take.</summary>
    /// <value>30 seconds. Range 1 second to 5 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan TlsHandshakeTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a peer of <see cref="ListenerOptions.ProxyProtocolFrom"/> may take for its header.</summary>
    /// <value>5 seconds. Range 100 ms to 1 minute.</value>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:01:00")]
    public TimeSpan ProxyHeaderTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>File of those who may sign in: a line each, <c>name:hash</c> or a JSON object with <c>user</c>,
    /// <c>hash</c>, <c>senders</c> and <c>priority</c>. Read again when it changes.</summary>
    /// <value>None: nobody can sign in.</value>
    public string? UsersFile { get; set; }

    /// <summary>Failed sign-ins from one address, or for one user, within <see cref="SignInWindow"/>, after which
    /// further ones are refused with 454 4.7.0 unseen.</summary>
    /// <value>10. Range 1 to 10 000.</value>
    [Range(1, 10_000)]
    public int SignInFailuresMax { get; set; } = 10;

    /// <summary>See <see cref="SignInFailuresMax"/>.</summary>
    /// <value>10 minutes. Range 1 second to 1 day.</value>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan SignInWindow { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Pause before a failed sign-in is answered.</summary>
    /// <value>2 seconds. Range 0 to 30 seconds.</value>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:30")]
    public TimeSpan SignInDelay { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a stop lets senders finish the message that they are at; those left are told 421 4.3.2 then,
    /// and cut if they don't take it.</summary>
    /// <value>20 seconds, as delivery's. Range 0 to 10 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:00", "00:10:00")]
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>How often files named here (domains, recipients, users, certificates) are looked at for changes.
    /// </summary>
    /// <value>10 seconds. Range 1 second to 1 day.</value>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan RefreshInterval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Priorities by the domain of sender or recipient; the first match of each kind decides, the more
    /// important of the two counts. They go before user and listener, after a trusted MT-PRIORITY.</summary>
    /// <value>None.</value>
    public PriorityRuleOptions[] PriorityRules { get; set; } = [];
}

/// <summary>Gives mail from or to a domain a priority.</summary>
public sealed class PriorityRuleOptions
{
    /// <summary>Domain of the sender; null: any. Only for signed-in users and trusted networks, whose sender can be
    /// believed.</summary>
    /// <value>null.</value>
    public string? SenderDomain { get; set; }

    /// <summary>Domain of a recipient; null: any.</summary>
    /// <value>null.</value>
    public string? RecipientDomain { get; set; }

    /// <summary>0 (most important) to 5.</summary>
    /// <value>3. Range 0 to 5.</value>
    [Range(0, 5)]
    public int Priority { get; set; } = 3;
}
