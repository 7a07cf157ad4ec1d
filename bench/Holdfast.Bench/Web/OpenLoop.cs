using System.Diagnostics;
using System.Globalization;
using System.Net.Http;

namespace Holdfast.Bench.Web;

/// <summary>Asks at a constant rate, whatever becomes of it, as the clients of a public site do: each waits
/// <see cref="WebLayout.Deadline"/> from when it meant to ask, and may ask again when that failed.</summary>
/// <remarks>
/// Latency is counted from the intended start, so a request that had to wait for its turn in here is late all the same
/// (no coordinated omission). Connections are kept and opened as needed, without limit; the client that gives up closes
/// its own. The framework's HTTP client asks a second time by itself only where a kept connection was closed under it
/// before any answer, as browsers do.
/// </remarks>
internal sealed class OpenLoop : IDisposable
{
    private const int Users = 5000;
    private readonly HttpClient _client = new(new SocketsHttpHandler
    {
        UseProxy = false, AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = Timeout.InfiniteTimeSpan,
    }) { Timeout = Timeout.InfiniteTimeSpan };
    private readonly Uri _uri;
    private readonly TimeSpan _retryAfter;
    private readonly int _retries;
    private readonly Lock _gate = new();
    private readonly List<WebSample> _samples = [];
    private readonly long _began = Stopwatch.GetTimestamp();

    /// <param name="retries">How often a client asks again, <paramref name="retryAfter"/> after each failure.</param>
    public OpenLoop(Uri uri, int retries, TimeSpan retryAfter) => (_uri, _retries, _retryAfter) = (uri, retries, retryAfter);

    /// <summary>Seconds since it was made: the clock of the samples.</summary>
    public double Now => Stopwatch.GetElapsedTime(_began).TotalSeconds;

    /// <summary>Sends the whole schedule, and returns what became of it when the last client has given up or got its
    /// answer. <paramref name="events"/> are run beside it, one after another, at their seconds from the start.</summary>
    public IReadOnlyList<WebSample> Run(ArrivalSchedule schedule, params (double At, Action What)[] events)
    {
        var start = Now;
        var clients = new List<Task>(schedule.Count);
        using var pause = new ManualResetEventSlim();
        var nextEvent = 0;
        var lastEvent = Task.CompletedTask;
        while (clients.Count < schedule.Count)
        {
            var now = Now - start;
            if (nextEvent < events.Length && now >= events[nextEvent].At)
            {
                var what = events[nextEvent++].What;
                lastEvent = lastEvent.ContinueWith(_ => what(), TaskScheduler.Default);
            }
            for (var due = schedule.DueBy(Now - start); clients.Count < due;)
                clients.Add(ClientAsync(clients.Count, start + schedule.At(clients.Count), start));
            var left = start + schedule.At(clients.Count) - Now;
            if (left > 0)
                pause.Wait(TimeSpan.FromSeconds(left));
        }
        Task.WaitAll([.. clients, lastEvent]);
        lock (_gate)
            return [.. _samples];
    }

    /// <summary>Requests a second with so many clients that ask as soon as they are answered: what is the most that the
    /// generator can do.</summary>
    public double Ceiling(int clients, TimeSpan time)
    {
        var until = Now + time.TotalSeconds;
        var count = 0;
        async Task AskAsync()
        {
            while (Now < until)
            {
                await AttemptAsync(1, Now, 0, 0).ConfigureAwait(false);
                Interlocked.Increment(ref count);
            }
        }
        Task.WaitAll([.. Enumerable.Range(0, clients).Select(_ => Task.Run(AskAsync))]);
        return count / time.TotalSeconds;
    }

    public void Dispose() => _client.Dispose();

    private async Task ClientAsync(int number, double intended, double start)
    {
        for (var attempt = 0; attempt <= _retries; attempt++)
        {
            var sample = await AttemptAsync(number, intended, attempt, start).ConfigureAwait(false);
            lock (_gate)
                _samples.Add(sample);
            if (sample.IsGood || attempt == _retries)
                return;
            intended = Now + _retryAfter.TotalSeconds;
            await Task.Delay(_retryAfter, TimeProvider.System).ConfigureAwait(false);
        }
    }

    /// <summary>A read, or an act that its target is to do once.</summary>
    private HttpRequestMessage Request(int number, int attempt)
    {
        var isAct = number % FailureCase.PostEvery == 0;
        var request = new HttpRequestMessage(isAct ? HttpMethod.Post : HttpMethod.Get, _uri);
        request.Headers.Add(WebLayout.UserHeader, (number % Users).ToString(CultureInfo.InvariantCulture));
        if (!isAct)
            return request;
        request.Content = new ByteArrayContent(new byte[64]);
        request.Headers.Add("X-Act", string.Create(CultureInfo.InvariantCulture, $"{number}-{attempt}"));
        return request;
    }

    private async Task<WebSample> AttemptAsync(int number, double intended, int attempt, double start)
    {
        var (status, isHome) = (WebSample.Late, false);
        var left = intended + WebLayout.Deadline.TotalSeconds - Now;
        if (left > 0)
        {
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(left), TimeProvider.System);
            try
            {
                using var request = Request(number, attempt);
                using var answer = await _client.SendAsync(request, deadline.Token).ConfigureAwait(false);
                status = (int)answer.StatusCode;
                isHome = answer.Headers.TryGetValues("X-Target", out var names)
                    && names.First().StartsWith("na", StringComparison.Ordinal);
            }
            catch (OperationCanceledException)
            {
                // Late, as it stands.
            }
            catch (HttpRequestException e)
            {
                status = e.HttpRequestError == HttpRequestError.ConnectionError ? WebSample.Unconnected : WebSample.Broken;
            }
        }
        var latency = Now - intended;
        if (status >= 0 && latency > WebLayout.Deadline.TotalSeconds)
            status = WebSample.Late;
        return new WebSample(intended - start, latency, status, attempt, isHome);
    }
}
