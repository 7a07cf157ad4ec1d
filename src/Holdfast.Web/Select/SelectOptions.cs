using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Holdfast.Web.Select;

/// <summary>Which service a web request is for, and how important it is: section <c>Holdfast:Web:Select</c>.</summary>
public sealed class SelectOptions
{
    /// <summary>Routes; the most exact host decides first, then the longest path.</summary>
    /// <value>None.</value>
    [ValidateEnumeratedItems] public WebRouteOptions[] Routes { get; set; } = [];

    /// <summary>Header in which a trusted proxy says a request's priority, 0 to 5.</summary>
    /// <value>Empty: none.</value>
    [StringLength(64)] public string PriorityHeader { get; set; } = "";

    /// <summary>Header in which a trusted proxy says which classes of people the signed-in user is in, by commas; the
    /// most important class of <see cref="Classes"/> decides the request's priority, where <see cref="PriorityHeader"/>
    /// doesn't.</summary>
    /// <value>Empty: none.</value>
    [StringLength(64)] public string ClassHeader { get; set; } = "";

    /// <summary>Classes of people and their priority. Other classes leave the priority as the route says.</summary>
    /// <value>None.</value>
    [ValidateEnumeratedItems] public WebClassOptions[] Classes { get; set; } = [];

    /// <summary>Header in which anybody may say how long the answer is waited for: milliseconds, or as gRPC's
    /// <c>grpc-timeout</c> (<c>5S</c>, <c>1500m</c>). It shortens the route's deadline and never lengthens it.
    /// </summary>
    /// <value>Empty: none.</value>
    [StringLength(64)] public string DeadlineHeader { get; set; } = "";

    /// <summary>Header in which a trusted proxy says who the user is; users are shed by whole cohorts. Without it the
    /// client's address stands for the user.</summary>
    /// <value>Empty: none.</value>
    [StringLength(64)] public string UserHeader { get; set; } = "";

    /// <summary>File with the keys that session cookies are signed with, one a line, of 32 characters or more: the
    /// first signs, all are believed. Read again every minute. Gateways before the same services need the same.
    /// </summary>
    /// <value>Empty: a key of this run, by lot.</value>
    public string AffinityKeyFile { get; set; } = "";

    /// <summary>How long a session that was moved away from home stays there before it may go home again; each between
    /// half of it and all.</summary>
    /// <value>10 minutes. Range 1 s to 1 day.</value>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan AffinityAwayTime { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Longest time that a request waits for a place; its deadline may end it sooner.</summary>
    /// <value>5 s. Range 0 to 10 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:00", "00:10:00")]
    public TimeSpan WaitMax { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Requests of one service that may wait for a place; more are shed.</summary>
    /// <value>2 000. Range 0 to 100 000.</value>
    [Range(0, 100_000)] public int WaitingMax { get; set; } = 2000;
}

/// <summary>One host and path, and the service that answers there.</summary>
public sealed class WebRouteOptions
{
    /// <summary>Host: <c>store.example</c>, <c>*.store.example</c> for its subdomains, or <c>*</c> for any.</summary>
    /// <value><c>*</c>.</value>
    [StringLength(255, MinimumLength = 1)] public string Host { get; set; } = "*";

    /// <summary>Path with everything below it: <c>/api</c> matches <c>/api</c> and <c>/api/x</c>, not <c>/apix</c>.
    /// </summary>
    /// <value><c>/</c>.</value>
    [StringLength(1024, MinimumLength = 1)] public string Path { get; set; } = "/";

    /// <summary>Service of the topology.</summary>
    [Required] public string Service { get; set; } = "";

    /// <summary>Priority of its requests, 0 (most important) to 5, unless a trusted header says otherwise.</summary>
    /// <value>3. Range 0 to 5.</value>
    [Range(0, 5)] public int Priority { get; set; } = 3;

    /// <summary>Time from a request's header to its answer's header; then it is answered 504. Not for streams.
    /// </summary>
    /// <value>30 s. Range 100 ms to 1 hour.</value>
    [Range(typeof(TimeSpan), "00:00:00.1", "01:00:00")]
    public TimeSpan Deadline { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>What requests there are judged as: <c>ByMethod</c> (GET, HEAD, OPTIONS and TRACE read, the others
    /// write), <c>Read</c>, <c>Write</c> or <c>Stream</c>. Upgraded connections and gRPC are always streams. A read may
    /// be repeated.</summary>
    /// <value>ByMethod.</value>
    public WebOperation Operation { get; set; } = WebOperation.ByMethod;

    /// <summary>Name of a cookie that brings a user's requests to the target that answered the first one, as long as it
    /// is open and has room.</summary>
    /// <value>Empty: no sessions.</value>
    [StringLength(64)] public string AffinityCookie { get; set; } = "";
}

/// <summary>A class of people.</summary>
public sealed class WebClassOptions
{
    /// <summary>As the header says it; capitals don't count.</summary>
    [Required, StringLength(64, MinimumLength = 1)] public string Name { get; set; } = "";

    /// <summary>Priority of their requests, 0 (most important) to 5.</summary>
    /// <value>3. Range 0 to 5.</value>
    [Range(0, 5)] public int Priority { get; set; } = 3;
}

/// <summary>How the operation class of a route's requests is found.</summary>
public enum WebOperation : byte
{
    ByMethod = 0,
    Read = 1,
    Write = 2,
    Stream = 3,
}
