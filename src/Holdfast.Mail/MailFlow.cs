using System.Globalization;
using Holdfast.Mail.Canaries;
using Holdfast.Mail.Deliver;
using Holdfast.Mail.Receive;
using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Holdfast.Mail;

/// <summary>Joins the stages in order: Receive → Spool → Route → Deliver. Read this first.</summary>
/// <remarks>
/// Start: delivery is ready to take what the spool replays, the spool replays, then the listeners open, so that a 250
/// can only be given by a process that can keep the message. Stop: the listeners close and their transactions end,
/// delivery finishes what is under way, the spool writes its checkpoint. Stopping in the middle loses nothing.
/// </remarks>
public sealed partial class MailFlow : IDisposable
{
    private readonly MailSpool _spool;
    private readonly DeliveryFlow _delivery;
    private readonly ReceiveServer _receive;
    private readonly CanaryRunner _canaries;
    private readonly HostResolver _hosts;
    private readonly RouteTableSource _routes;
    private readonly ILogger _logger;
    private readonly List<IDisposable> _changes = [];
    private volatile string? _notReady = "starting";

    internal MailFlow(MailSpool spool, DeliveryFlow delivery, ReceiveServer receive, CanaryRunner canaries,
        HostResolver hosts, RouteTableSource routes, IOptionsMonitor<DeliverOptions> deliver, ILogger<MailFlow> logger)
    {
        _spool = spool;
        _delivery = delivery;
        _receive = receive;
        _canaries = canaries;
        _receive.Probes = canaries;
        _hosts = hosts;
        _routes = routes;
        _logger = logger;
        routes.Changed += () => Reload(rulesChanged: true);
        if (deliver.OnChange(_ => Reload(rulesChanged: false)) is { } change)
            _changes.Add(change);
    }

    /// <summary>Why mail can't be taken now, in words; null when it can.</summary>
    public string? NotReady => _notReady ?? _spool.Pressure switch
    {
        SpoolPressure.Failed => "the spool can't write: nothing is accepted until it can (see the log)",
        SpoolPressure.OutOfSpace => "the spool is out of disk space: senders get 452 4.3.1 until there is room",
        _ => null,
    };

    /// <summary>Replays the spool and begins to deliver.</summary>
    public async Task OpenAsync(Action<string> progress, CancellationToken abort)
    {
        ArgumentNullException.ThrowIfNull(progress);
        _notReady = "replaying the spool";
        await _hosts.StartAsync(abort).ConfigureAwait(false);
        await _delivery.StartAsync(abort).ConfigureAwait(false);
        await _spool.OpenAsync(new Words(progress), abort).ConfigureAwait(false);
        Replayed(_spool.WaitingCount, _spool.WaitingBytes);
        _notReady = "listeners are not open yet";
    }

    /// <summary>Opens the listeners; returns what each listens on, in words.</summary>
    public async Task<IReadOnlyList<string>> ListenAsync(CancellationToken abort)
    {
        await _receive.StartAsync(abort).ConfigureAwait(false);
        _notReady = null;
        _canaries.Start(() => _notReady is null && _spool.Pressure == SpoolPressure.None && !_receive.IsStressed);
        return [.. _receive.Status().Listeners.Select(l => l.Describe())];
    }

    /// <summary>Stops accepting, lets running transactions finish, flushes the spool. Cancelled: stops at once.
    /// </summary>
    public async Task DrainAsync(CancellationToken abort)
    {
        _notReady = "draining";
        await _canaries.StopAsync().ConfigureAwait(false);
        await _receive.DrainAsync(abort).ConfigureAwait(false);
        await _delivery.DrainAsync(abort).ConfigureAwait(false);
        await _hosts.StopAsync(abort).ConfigureAwait(false);
        await _spool.DisposeAsync().ConfigureAwait(false);
    }

    internal long AcceptedTotal => _receive.Status().Accepted;
    internal long Sessions => _receive.Status().Sessions;
    internal long FreeBytes => _spool.FreeBytes;

    /// <summary>The stages themselves are disposed of by who made them.</summary>
    public void Dispose()
    {
        foreach (var change in _changes)
            change.Dispose();
    }

    private void Reload(bool rulesChanged)
    {
        var reload = _delivery.ReloadAsync(rulesChanged, CancellationToken.None);
        if (!reload.IsCompletedSuccessfully)
            reload.GetAwaiter().GetResult();
    }

    private sealed class Words(Action<string> tell) : IProgress<SpoolOpenProgress>
    {
        public void Report(SpoolOpenProgress value) => tell(string.Create(CultureInfo.InvariantCulture,
            $"replaying the spool: {value.DoneBytes >> 20} of {value.TotalBytes >> 20} MiB, "
            + $"{value.Messages} messages"));
    }

    [LoggerMessage(EventId = 2600, Level = LogLevel.Information,
        Message = "Spool replayed: {Messages} messages wait, {Bytes} bytes")]
    private partial void Replayed(long messages, long bytes);
}
