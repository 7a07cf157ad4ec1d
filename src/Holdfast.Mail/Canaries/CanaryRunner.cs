using Holdfast.Mail.Receive;
using Holdfast.Traffic;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Holdfast.Mail.Canaries;

/// <summary>Makes the mailbox of a probe that is read by IMAP.</summary>
internal delegate ICanaryMailbox OpenMailbox(CanaryMailboxOptions options, string tag);

/// <summary>End-to-end canaries: sends mail of our own through sites that are configured for it, reads it back, and
/// tells the board what a site does with what it accepts.</summary>
/// <remarks>
/// Guards against sites that accept everything and process nothing, which no reply betrays.
/// Promise: a canary is never in the spool, is told to nobody but the board, and makes no bounce; mail to a probe's
/// own address ends here, whoever sends it. Canaries go straight to a target, closed sites included.
/// When our own process stood still for two seconds, or can't take mail, what is under way says nothing.
/// </remarks>
internal sealed class CanaryRunner : IProbeAddresses, IAsyncDisposable
{
    private static readonly TimeSpan s_tickEvery = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_pauseMin = TimeSpan.FromSeconds(2);

    private readonly IOptionsMonitor<CanaryOptions> _options;
    private readonly Func<string> _hostName;
    private readonly ICanaryDispatch _dispatch;
    private readonly OpenMailbox _open;
    private readonly ITrafficBoard _board;
    private readonly CanaryToken _tokens;
    private readonly CanaryMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private volatile CanaryProbe[] _probes = [];
    private volatile string[] _addresses = [];
    private Task _running = Task.CompletedTask;
    private bool _couldTakeMail = true;

    public CanaryRunner(IOptionsMonitor<CanaryOptions> options, Func<string> hostName, ICanaryDispatch dispatch,
        OpenMailbox open, ITrafficBoard board, CanaryToken tokens, CanaryMetrics metrics, TimeProvider time,
        ILogger<CanaryRunner> logger)
    {
        _options = options;
        _hostName = hostName;
        _dispatch = dispatch;
        _open = open;
        _board = board;
        _tokens = tokens;
        _metrics = metrics;
        _time = time;
        _logger = logger;
        _addresses = Addresses(options.CurrentValue);
    }

    /// <param name="canTakeMail">Whether answers can come in through our listeners now.</param>
    public void Start(Func<bool> canTakeMail) => _running = RunAsync(canTakeMail);

    public async Task StopAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    public bool Contains(ReadOnlySpan<char> address)
    {
        foreach (var one in _addresses)
        {
            if (address.Equals(one, StringComparison.OrdinalIgnoreCase))
                return true;
        }
        return false;
    }

    public void Arrived(ReadOnlySpan<byte> head)
    {
        var answer = CanaryAnswer.Read(head);
        var now = _time.GetElapsedTime(0);
        foreach (var token in answer.Tokens)
        {
            foreach (var probe in _probes)
            {
                if (probe.Arrived(token, answer.IsBounce, now))
                    return;
            }
        }
        _metrics.Stranger();
    }

    /// <summary>Ends with the stop; what fails inside a probe stays there.</summary>
    private async Task RunAsync(Func<bool> canTakeMail)
    {
        var last = _time.GetElapsedTime(0);
        CanaryOptions? applied = null;
        using var timer = new PeriodicTimer(s_tickEvery, _time);
        try
        {
            do
            {
                var now = _time.GetElapsedTime(0);
                var options = _options.CurrentValue;
                if (!ReferenceEquals(options, applied))
                    await ApplyAsync(applied = options, now).ConfigureAwait(false);
                var can = canTakeMail();
                foreach (var probe in _probes)
                {
                    if (now - last > s_pauseMin
                        || (!can && _couldTakeMail && probe.Options.ReadBack == CanaryReadBack.Reply))
                        probe.Paused(now);
                    probe.Tick(options, can, now);
                }
                (last, _couldTakeMail) = (now, can);
            }
            while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            // The stop.
        }
        foreach (var probe in _probes)
            await probe.DisposeAsync().ConfigureAwait(false);
        _probes = [];
    }

    /// <summary>Probes that stay as they are keep what they know.</summary>
    private async Task ApplyAsync(CanaryOptions options, TimeSpan now)
    {
        var before = _probes.ToList();
        var after = new List<CanaryProbe>();
        for (var i = 0; i < options.Probes.Length; i++)
        {
            var probe = options.Probes[i];
            var known = before.Find(p => IsSame(p.Options, probe));
            if (known is not null)
            {
                before.Remove(known);
                after.Add(known);
                continue;
            }
            var mailbox = probe is { ReadBack: CanaryReadBack.Imap, Imap: { } imap }
                ? _open(imap, CanaryMessage.Tag(_hostName(), probe)) : null;
            // Spread over the interval, so that they don't all go at once.
            var first = now + options.Interval * (i / (double)options.Probes.Length);
            after.Add(new CanaryProbe(probe, _dispatch, mailbox, _board, _tokens, _metrics, _time, first, _logger));
        }
        _addresses = Addresses(options);
        _probes = [.. after];
        foreach (var gone in before)
            await gone.DisposeAsync().ConfigureAwait(false);
    }

    private static string[] Addresses(CanaryOptions options) =>
        [.. options.Probes.Where(p => p.ReadBack == CanaryReadBack.Reply).Select(p => p.Sender)
            .Distinct(StringComparer.OrdinalIgnoreCase)];

    private static bool IsSame(CanaryProbeOptions a, CanaryProbeOptions b) =>
        (a.Site, a.Recipient, a.Sender, a.ReadBack) == (b.Site, b.Recipient, b.Sender, b.ReadBack)
        && (a.Imap?.Endpoint, a.Imap?.Tls, a.Imap?.User) == (b.Imap?.Endpoint, b.Imap?.Tls, b.Imap?.User)
        && (a.Imap?.PasswordFile, a.Imap?.PasswordVariable, a.Imap?.Folder)
        == (b.Imap?.PasswordFile, b.Imap?.PasswordVariable, b.Imap?.Folder);
}
