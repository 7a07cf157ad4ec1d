using System.Collections.Concurrent;
using System.Security.Cryptography;
using Holdfast.Traffic.Targets;
using Holdfast.Web.Accept;
using Holdfast.Web.Select;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Holdfast.Web;

/// <summary>Reads the file of keys; see <see cref="AffinityKeys"/>.</summary>
internal delegate IReadOnlyList<byte[]> ReadKeys(string path, out string? fault);

/// <summary>Sessions of the routes that have them: holds the keys and begins a request's session.</summary>
/// <remarks>
/// The file of keys is read at the start, at each reload and once a minute, then aside: requests and the flow's round
/// don't wait for a disk. One that can't be read changes nothing: the keys before it go on. Without any, keys are made
/// by lot for this run: sessions are forgotten at its end, and another gateway doesn't know them.
/// </remarks>
internal sealed partial class WebSessions(WebMetrics metrics, Random random, TimeProvider time,
    ILogger<WebSessions> logger, ReadKeys? read = null)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);
    private readonly ILogger _logger = logger;
    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<string, SessionCounts> _counts = new(StringComparer.OrdinalIgnoreCase);
    private volatile SessionPlaces? _places;
    private IReadOnlyList<byte[]> _keys = [];
    private string _told = "";
    private Task _look = Task.CompletedTask;

    /// <summary>Reads the keys, if any route has sessions.</summary>
    public void Load(SelectOptions options)
    {
        if (Array.TrueForAll(options.Routes, r => r.AffinityCookie.Length == 0))
            return;
        var file = options.AffinityKeyFile;
        string? fault = null;
        IReadOnlyList<byte[]> keys = [];
        try
        {
            // Without the lock: a file may take its time.
            if (file.Length > 0)
                keys = (read ?? AffinityKeys.Read)(file, out fault);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            fault = e.Message;
        }
        lock (_gate)
        {
            if (file.Length == 0 && _places is null)
                NoKeys();
            // Once, not each minute.
            if (fault is not null && fault != _told)
                NotRead(file, fault);
            _told = fault ?? "";
            Take(keys);
        }
    }

    /// <summary>Reads the keys again, aside: whoever asks goes on at once, and while a file keeps us waiting nobody
    /// else begins to wait for it.</summary>
    /// <returns>Ends at once; fails as the last look did.</returns>
    public Task LookAsync(SelectOptions options)
    {
        var last = _look;
        if (last.IsCompleted)
            _look = Task.Run(() => Load(options));
        return last.IsFaulted ? last : Task.CompletedTask;
    }

    /// <summary>Waits for a look that is under way, but not long: what it reads is of no use any more.</summary>
    public Task EndAsync() => Task.WhenAny(_look, Task.Delay(s_patience, time, CancellationToken.None));

    private void Take(IReadOnlyList<byte[]> keys)
    {
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
