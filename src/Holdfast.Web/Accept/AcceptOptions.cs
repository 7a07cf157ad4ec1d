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

    /// <summary>Connections at once at each listener; beyond it new ones are closed.</summary>
    /// <value>20 000. Range 1 to 1 000 000.</value>
    [Range(1, 1_000_000)] public int ConnectionsMax { get; set; } = 20_000;

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

    /// <summary>How long running requests may go on after a stop was asked for.</summary>
    /// <value>30 s. Range 0 to 1 hour.</value>
    [Range(typeof(TimeSpan), "00:00:00", "01:00:00")]
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(30);
}

/// <summary>One address and port where web requests are taken in.</summary>
public sealed class WebListenerOptions
{
    /// <summary>Name in logs and metrics; unique.</summary>
    [Required] public string Name { get; set; } = "";

    /// <summary>IP address and port, for example <c>0.0.0.0:443</c> or <c>[::]:443</c>.</summary>
    [Required] public string Endpoint { get; set; } = "";
}
