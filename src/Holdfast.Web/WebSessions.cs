using System.Collections.Concurrent;
using System.Security.Cryptography;
using Holdfast.Traffic.Targets;
using Holdfast.Web.Accept;
using Holdfast.Web.Select;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Holdfast.Web;

/// <summary>Sessions of the routes that have them: holds the keys and begins a request's session.</summary>
/// <remarks>
/// The file of keys is read at the start, at each reload and once a minute. One that can't be read changes nothing: the
/// keys before it go on. Without any, keys are made by lot for this run: sessions are forgotten at its end, and another
/// gateway doesn't know them.
/// </remarks>
internal sealed partial class WebSessions(WebMetrics metrics, Random random, TimeProvider time,
    ILogger<WebSessions> logger)
{
    private readonly ILogger _logger = logger;
    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<string, SessionCounts> _counts = new(StringComparer.OrdinalIgnoreCase);
    private volatile SessionPlaces? _places;
    private IReadOnlyList<byte[]> _keys = [];
    private string _told = "";

    /// <summary>Reads the keys, if any route has sessions.</summary>
    public void Load(SelectOptions options)
    {
        if (Array.TrueForAll(options.Routes, r => r.AffinityCookie.Length == 0))
            return;
        lock (_gate)
        {
            var keys = Read(options.AffinityKeyFile);
            if (keys.Count == 0 && _places is not null)
                return;
            if (keys.Count == 0)
                keys = [RandomNumberGenerator.GetBytes(AffinityKeys.CharsMin)];
            if (_places is not null && keys.Count == _keys.Count
                && keys.Zip(_keys).All(k => k.First.SequenceEqual(k.Second)))
            {
                return;
            }
            (_keys, _places) = (keys, new SessionPlaces(keys, new Random(random.Next())));
        }
    }

    private IReadOnlyList<byte[]> Read(string file)
    {
        string? fault;
        if (file.Length == 0)
        {
            if (_places is null)
                NoKeys();
            return [];
        }
        try
        {
            var keys = AffinityKeys.Read(file, out fault);
            if (fault is null)
            {
                _told = "";
                return keys;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            fault = e.Message;
        }
        // Once, not each minute.
        if (fault != _told)
            NotRead(file, fault);
        _told = fault;
        return [];
    }

    /// <summary>Null: none had a session yet.</summary>
    public WebSessionCounts? CountsOf(string service) => _counts.GetValueOrDefault(service)?.Now;

    /// <summary>Null: the route has none.</summary>
    public WebSession? Begin(HttpContext context, WebRoute route, Topology topology, ProxyTrust trust,
        TimeSpan awayTime)
    {
        if (route.AffinityCookie.Length == 0 || _places is not { } places)
            return null;
        var request = context.Request;
        var isSecure = request.IsHttps || (trust.Trusts(context.Connection.RemoteIpAddress)
            && request.Headers["X-Forwarded-Proto"] == "https");
        var now = time.GetUtcNow();
        return new WebSession(context, places, route, topology, isSecure, awayTime, now, metrics,
            _counts.GetOrAdd(route.Service, static _ => new SessionCounts()))
        {
            Place = places.Find(route.Service, request.Headers.Cookie, route.AffinityCookie, topology, now),
        };
    }

    [LoggerMessage(EventId = 4310, Level = LogLevel.Warning, Message = "Web:Select:AffinityKeyFile isn't set: sessions "
        + "are forgotten when this process ends, and another gateway doesn't know them")]
    private partial void NoKeys();

    [LoggerMessage(EventId = 4311, Level = LogLevel.Error,
        Message = "The keys of session cookies in {File} were not read: {Fault}; the ones before go on"
            + " or, at a start, one of this run")]
    private partial void NotRead(string file, string fault);
}
