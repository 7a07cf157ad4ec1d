using Holdfast.Traffic;
using Holdfast.Traffic.Targets;
using Microsoft.Extensions.Logging;

namespace Holdfast.Mail.Canaries;

/// <summary>One mailbox at one site: sends, waits, tells the board.</summary>
/// <remarks>
/// Promise: the board hears of a canary once, and only of what speaks for or against the site. A mailbox that can't be
/// read, a recipient that is refused, our own pause and our own trouble void canaries instead. While a mailbox can't be
/// read nothing is sent to it, so that canaries don't pile up.
/// At most one sending and one look at a time; both have the deadline's time.
/// </remarks>
internal sealed partial class CanaryProbe : IAsyncDisposable
{
    private static readonly TimeSpan s_lookEvery = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_lookLimit = TimeSpan.FromSeconds(20);
    /// <summary>So long after its time a canary that we couldn't look for is void.</summary>
    private static readonly TimeSpan s_graceMax = TimeSpan.FromSeconds(30);

    private readonly CanaryProbeOptions _options;
    private readonly ICanaryDispatch _dispatch;
    private readonly ICanaryMailbox? _mailbox;
    private readonly ITrafficBoard _board;
    private readonly CanaryToken _tokens;
    private readonly CanaryMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly CanaryLedger _ledger = new();
    private readonly List<CanaryEnd> _ended = [];
    private Task _sending = Task.CompletedTask;
    private Task _looking = Task.CompletedTask;
    private TimeSpan _nextSend;
    private TimeSpan _nextLook;
    private TimeSpan _lookedAt = TimeSpan.MinValue;
    private string? _trouble;

    public CanaryProbe(CanaryProbeOptions options, ICanaryDispatch dispatch, ICanaryMailbox? mailbox,
        ITrafficBoard board, CanaryToken tokens, CanaryMetrics metrics, TimeProvider time, TimeSpan firstAt,
        ILogger logger)
    {
        _options = options;
        _dispatch = dispatch;
        _mailbox = mailbox;
        _board = board;
        _tokens = tokens;
        _metrics = metrics;
        _time = time;
        _nextSend = firstAt;
        _logger = logger;
    }

    public CanaryProbeOptions Options => _options;

    private bool IsReadable => _mailbox is null || _lookedAt != TimeSpan.MinValue;

    /// <summary>A few times a second.</summary>
    /// <param name="canTakeMail">False: answers could not come in through our listeners now.</param>
    public void Tick(CanaryOptions options, bool canTakeMail, TimeSpan now)
    {
        lock (_gate)
        {
            if (_mailbox is null && canTakeMail)
                _lookedAt = now;
            _ledger.Expire(_lookedAt, s_graceMax, now, _ended);
            Tell(now);
        }
        if (_mailbox is not null && now >= _nextLook && _looking.IsCompleted)
            _looking = LookAsync(now);
        if (now < _nextSend || !_sending.IsCompleted || !IsReadable || (_mailbox is null && !canTakeMail))
            return;
        _nextSend = now + options.Interval;
        var token = _tokens.Next();
        TimeSpan limit;
        lock (_gate)
        {
            limit = _ledger.Deadline(options.DeadlineMax);
            if (!_ledger.TrySend(token, options.DeadlineMax, now))
                return;
        }
        _sending = SendAsync(token, limit);
    }

    /// <summary>An answer came in. False: none of ours.</summary>
    public bool Arrived(string token, bool isBounce, TimeSpan now)
    {
        lock (_gate)
        {
            if (_ledger.Arrived(token, isBounce, now) is not { } end)
                return false;
            _ended.Add(end);
            Tell(now);
            return true;
        }
    }

    /// <summary>Our own process stood still: what is under way proves nothing.</summary>
    public void Paused(TimeSpan now)
    {
        lock (_gate)
        {
            for (var count = _ledger.VoidAll(); count > 0; count--)
                _ended.Add(new CanaryEnd(CanaryFate.Void, TimeSpan.Zero));
            Tell(now);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _sending.ConfigureAwait(false);
        await _looking.ConfigureAwait(false);
        if (_mailbox is not null)
            await _mailbox.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    /// <summary>Never throws.</summary>
    private async Task SendAsync(string token, TimeSpan limit)
    {
        CanaryDispatchResult result;
        try
        {
            using var timeout = new CancellationTokenSource(limit, _time);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _stop.Token);
            result = await _dispatch.SendAsync(_options, token, both.Token).ConfigureAwait(false);
            // Time ran out in the middle: whether it came through shows at the other end.
            if (timeout.IsCancellationRequested && !result.IsTaken)
                return;
        }
        catch (Exception e)
        {
            LogSendFailed(e, _options.Site);
            result = new CanaryDispatchResult(false, false, e.Message);
        }
        if (result.IsTaken)
        {
            Recovered();
            return;
        }
        if (!result.IsSitesFault && !_stop.IsCancellationRequested)
            Troubled($"it was not sent: {result.Text}");
        lock (_gate)
        {
            if (_ledger.NotSent(token, result.IsSitesFault, _time.GetElapsedTime(0)) is { } end)
                _ended.Add(end);
            Tell(_time.GetElapsedTime(0));
        }
    }

    /// <summary>Never throws.</summary>
    private async Task LookAsync(TimeSpan began)
    {
        try
        {
            using var timeout = new CancellationTokenSource(s_lookLimit, _time);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _stop.Token);
            var found = await _mailbox!.LookAsync(both.Token).ConfigureAwait(false);
            var now = _time.GetElapsedTime(0);
            foreach (var token in found)
                Arrived(token, isBounce: false, now);
            lock (_gate)
                _lookedAt = began;
            _nextLook = now + s_lookEvery;
            Recovered();
        }
        catch (Exception e)
        {
            _nextLook = _time.GetElapsedTime(0) + s_lookAgain;
            lock (_gate)
            {
                if (_time.GetElapsedTime(0) - _lookedAt > s_graceMax)
                    _lookedAt = TimeSpan.MinValue;
            }
            if (_stop.IsCancellationRequested)
                return;
            _metrics.Unreadable(_options.Site);
            Troubled($"its mailbox can't be read: {e.Message}");
        }
    }

    /// <summary>Under the lock.</summary>
    private void Tell(TimeSpan now)
    {
        foreach (var end in _ended)
        {
            _metrics.Ended(_options.Site, end);
            if (end.Fate != CanaryFate.Void && FindSite() is { } site)
                _board.ReportCanary(site, end.Fate == CanaryFate.Passed, end.Latency, now);
        }
        _ended.Clear();
    }

    /// <summary>Each time anew: a reload may have taken the site away.</summary>
    private SiteId? FindSite()
    {
        foreach (var site in _board.Topology.Sites)
        {
            if (!site.IsRetired && string.Equals(site.Name, _options.Site, StringComparison.OrdinalIgnoreCase))
                return site.Id;
        }
        return null;
    }

    private void Troubled(string trouble)
    {
        if (_trouble == trouble)
            return;
        _trouble = trouble;
        LogTrouble(_options.Site, trouble);
    }

    private void Recovered()
    {
        if (_trouble is null)
            return;
        _trouble = null;
        LogRecovered(_options.Site);
    }

    [LoggerMessage(EventId = 2700, Level = LogLevel.Warning,
        Message = "Canaries of site {Site} say nothing: {Trouble}")]
    private partial void LogTrouble(string site, string trouble);

    [LoggerMessage(EventId = 2701, Level = LogLevel.Information, Message = "Canaries of site {Site} work again")]
    private partial void LogRecovered(string site);

    [LoggerMessage(EventId = 2702, Level = LogLevel.Error, Message = "A canary of site {Site} failed inside us")]
    private partial void LogSendFailed(Exception e, string site);
}
