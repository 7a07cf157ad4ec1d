using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Holdfast.Web.Probes;

/// <summary>What is asked of web targets beside traffic: section <c>Holdfast:Web:Probes</c>. Off until a service or a
/// canary is listed.</summary>
public sealed class ProbeOptions
{
    /// <summary>Services whose targets are probed, each target by itself.</summary>
    /// <value>None.</value>
    [ValidateEnumeratedItems] public ProbeServiceOptions[] Services { get; set; } = [];

    /// <summary>End-to-end checks: a token is written at a site and read back.</summary>
    /// <value>None.</value>
    [ValidateEnumeratedItems] public WebCanaryOptions[] Canaries { get; set; } = [];
}

/// <summary>What a probe asks the targets of one service, and what it takes for well.</summary>
public sealed class ProbeServiceOptions
{
    /// <summary>Service of the topology.</summary>
    [Required] public string Service { get; set; } = "";

    /// <summary>Path and query that are asked for.</summary>
    /// <value><c>/</c>.</value>
    [StringLength(1024, MinimumLength = 1)] public string Path { get; set; } = "/";

    /// <summary><c>GET</c>, <c>HEAD</c>, <c>OPTIONS</c> or <c>POST</c> (without a body).</summary>
    /// <value>GET.</value>
    [StringLength(16)] public string Method { get; set; } = "GET";

    /// <summary>Host that is asked for.</summary>
    /// <value>Empty: as <c>Holdfast:Web:Forward</c> says of the service, else the target's address.</value>
    [StringLength(255)] public string Host { get; set; } = "";

    /// <summary>Statuses and ranges of statuses that are well, by commas.</summary>
    /// <value><c>200-299</c>.</value>
    [StringLength(256)] public string ExpectStatus { get; set; } = "200-299";

    /// <summary>Text that must stand in the first 64 KiB of the answer.</summary>
    /// <value>Empty: the body isn't read.</value>
    [StringLength(1024)] public string ExpectBody { get; set; } = "";

    /// <summary>File whose first line is the value of the <c>Authorization</c> field; read again every minute.
    /// </summary>
    /// <value>Empty: no such field.</value>
    public string AuthorizationFile { get; set; } = "";

    /// <summary>Time between two probes of a target, give or take a fifth; half a second while it is suspect, closed or
    /// coming back, and after a probe that failed.</summary>
    /// <value>2 s. Range 100 ms to 1 minute.</value>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:01:00")]
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Time in which a probe must have come to its end.</summary>
    /// <value>1 s. Range 10 ms to 30 s.</value>
    [Range(typeof(TimeSpan), "00:00:00.01", "00:00:30")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(1);
}

/// <summary>What is written at a site and read back.</summary>
public sealed class WebCanaryOptions
{
    /// <summary>Name of the site in <c>Holdfast:Topology:Sites</c>.</summary>
    [Required] public string Site { get; set; } = "";

    /// <summary>Path and query that the token is written to; <c>{token}</c> stands for the token. A place of this
    /// gateway's and this site's own.</summary>
    [StringLength(1024)] public string WritePath { get; set; } = "";

    /// <summary><c>PUT</c> or <c>POST</c>; the token is the body, as <c>text/plain</c>.</summary>
    /// <value>PUT.</value>
    [StringLength(16)] public string WriteMethod { get; set; } = "PUT";

    /// <summary>Path and query where it is read by GET; <c>{token}</c> stands for the token.</summary>
    /// <value>Empty: <see cref="WritePath"/>.</value>
    [StringLength(1024)] public string ReadPath { get; set; } = "";

    /// <summary>Host that is asked for.</summary>
    /// <value>Empty: as <c>Holdfast:Web:Forward</c> says of the service, else the target's address.</value>
    [StringLength(255)] public string Host { get; set; } = "";

    /// <summary>File whose first line is the value of the <c>Authorization</c> field; read again every minute.
    /// </summary>
    /// <value>Empty: no such field.</value>
    public string AuthorizationFile { get; set; } = "";

    /// <summary>How often a token is written.</summary>
    /// <value>5 s. Range 1 s to 30 s: the board forgets them after a minute.</value>
    [Range(typeof(TimeSpan), "00:00:01", "00:00:30")]
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(5);
}
