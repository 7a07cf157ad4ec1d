using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Holdfast.Web.Accept;

/// <summary>Where web requests are taken in, and within which bounds: section <c>Holdfast:Web:Accept</c>.</summary>
public sealed class AcceptOptions
{
    /// <summary>Addresses and ports to listen on.</summary>
    /// <value>None: no web service is offered.</value>
    [ValidateEnumeratedItems] public WebListenerOptions[] Listeners { get; set; } = [];

    /// <summary>Networks (CIDR) of proxies before us, whose <c>X-Forwarded-For</c>, priority and user headers are
    /// believed. From anybody else these headers are removed.</summary>
    /// <value>None.</value>
    public string[] TrustedProxies { get; set; } = [];

    /// <summary>Connections at once over all listeners; beyond it new ones are closed.</summary>
    /// <value>20 000. Range 1 to 1 000 000.</value>
    [Range(1, 1_000_000)] public int ConnectionsMax { get; set; } = 20_000;

    /// <summary>Connections at once from one address (IPv6: one /64) over all listeners; beyond it new ones are closed.
    /// Doesn't hold for <see cref="TrustedProxies"/>.</summary>
    /// <value>2 000, a tenth of all: an office behind one address has room. Range 1 to 1 000 000.</value>
    [Range(1, 1_000_000)] public int ConnectionsPerAddressMax { get; set; } = 2_000;

    /// <summary>Time for the handshake of TLS.</summary>
    /// <value>10 s, as Kestrel. Range 100 ms to 1 minute.</value>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:01:00")]
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How often the files of certificates are looked at for changes.</summary>
    /// <value>10 s. Range 1 s to 1 day.</value>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan RefreshInterval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Bytes of a request's header fields together.</summary>
    /// <value>32 KiB, as Kestrel. Range 1 KiB to 1 MiB.</value>
    [Range(1 << 10, 1 << 20)] public int HeaderBytesMax { get; set; } = 32 << 10;

    /// <summary>Header fields of a request.</summary>
    /// <value>100, as Kestrel. Range 10 to 1 000.</value>
    [Range(10, 1000)] public int HeadersMax { get; set; } = 100;

    /// <summary>Bytes of a request's body; more is answered 413.</summary>
    /// <value>4 GiB. Range 1 to 1 TiB.</value>
    [Range(1, 1L << 40)] public long BodyBytesMax { get; set; } = 4L << 30;

    /// <summary>Time in which a request's header must be complete: what a slow client may hold a connection for.
    /// </summary>
    /// <value>10 s. Range 1 s to 10 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan HeaderTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a connection may stand idle between requests.</summary>
    /// <value>75 s, as nginx's <c>keepalive_timeout</c>. Range 1 s to 1 hour.</value>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromSeconds(75);

    /// <summary>Slowest pace of a request's body and of a client that reads its answer, after 5 s.</summary>
    /// <value>240 bytes a second, as Kestrel. Range 1 to 1 MiB.</value>
    [Range(1, 1 << 20)] public int PaceBytesMin { get; set; } = 240;

    /// <summary>Streams at once in one HTTP/2 connection. Streams that a client resets count until their requests have
    /// ended, and who resets many more than it lets end is cut off (CVE-2023-44487).</summary>
    /// <value>100, as Kestrel (RFC 9113 §6.5.2 advises no less). Range 1 to 10 000.</value>
    [Range(1, 10_000)] public int StreamsMax { get; set; } = 100;

    /// <summary>How long running requests may go on after a stop was asked for.</summary>
    /// <value>30 s. Range 0 to 1 hour.</value>
    [Range(typeof(TimeSpan), "00:00:00", "01:00:00")]
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(30);
}
