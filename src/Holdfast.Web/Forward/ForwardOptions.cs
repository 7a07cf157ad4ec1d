using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Holdfast.Web.Forward;

/// <summary>How requests reach targets: section <c>Holdfast:Web:Forward</c>.</summary>
public sealed class ForwardOptions
{
    /// <summary>Services whose targets speak anything but plain HTTP/1.1 with the client's own Host.</summary>
    /// <value>None.</value>
    [ValidateEnumeratedItems] public WebServiceOptions[] Services { get; set; } = [];

    /// <summary>Time for a connection to a target, TLS included.</summary>
    /// <value>2 s. Range 50 ms to 1 minute.</value>
    [Range(typeof(TimeSpan), "00:00:00.05", "00:01:00")]
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Longest silence in the middle of a body or an upgraded connection, in both directions.</summary>
    /// <value>100 s, as YARP's <c>ActivityTimeout</c>. Range 1 s to 1 day.</value>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromSeconds(100);

    /// <summary>Attempts a request may have, the first included. Up to four tries at targets that can't be connected to
    /// don't count.</summary>
    /// <value>2: one repeat at another place, as the engine is rehearsed. Range 1 to 5.</value>
    [Range(1, 5)] public int AttemptsMax { get; set; } = 2;

    /// <summary>Bytes of a request's body that are held so that it can be repeated; longer ones are sent once.
    /// </summary>
    /// <value>64 KiB. Range 0 to 1 MiB.</value>
    [Range(0, 1 << 20)] public int ReplayBytesMax { get; set; } = 64 << 10;
}

/// <summary>How the targets of one service are spoken to.</summary>
public sealed class WebServiceOptions
{
    /// <summary>Service of the topology.</summary>
    [Required] public string Service { get; set; } = "";

    /// <summary>TLS to its targets; their certificate is verified.</summary>
    /// <value>false.</value>
    public bool Tls { get; set; }

    /// <summary>Name that is asked for (SNI) and must be in the certificate.</summary>
    /// <value>Empty: the host of the target's address.</value>
    [StringLength(253)] public string TlsName { get; set; } = "";

    /// <summary>PEM file with the certificate authorities that its targets' certificates may come from.</summary>
    /// <value>Empty: the system's.</value>
    public string AuthorityFile { get; set; } = "";

    /// <summary>HTTP/2 to its targets: by ALPN with TLS, else with prior knowledge.</summary>
    /// <value>false: HTTP/1.1.</value>
    public bool Http2 { get; set; }

    /// <summary>Host that its targets are asked for.</summary>
    /// <value>Empty: the client's own.</value>
    [StringLength(255)] public string Host { get; set; } = "";
}
