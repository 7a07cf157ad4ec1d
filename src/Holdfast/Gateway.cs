using Holdfast.Configuration;
using Holdfast.Operator;
using Holdfast.Storage.Journal;
using Holdfast.Telemetry;
using Holdfast.Web;
using Microsoft.Extensions.Hosting.Systemd;

namespace Holdfast;

/// <summary>The running process, from lock to last flush.</summary>
/// <remarks>
/// Order of start: 1 data directory locked, 2 operator doors open (<c>/readyz</c> says 503), 3 spool replayed and
/// delivery begun, 4 listeners open, 5 ready told to systemd and the terminal. A target that is down prevents
/// none of it.
/// Stop: the first signal drains (listeners close, transactions finish, the spool is flushed), the second stops now.
/// </remarks>
internal sealed partial class Gateway(ConfigurationSnapshot configuration, ConfigurationLoader loader, string? file,
    string dataPath, TextWriter output, DiskWrapper? disk)
{
    public async Task<int> RunAsync(ProcessSignals signals)
    {
        using var data = DataDirectory.Open(dataPath);
        var socketPath = OperatorSocket.PathIn(data.Path, configuration.Get<OperatorOptions>());
        OperatorSocket.Prepare(socketPath);
        await using var app = Composition.Build(configuration, loader, file, data, socketPath, disk);
        var services = app.Services;
        var logger = services.GetRequiredService<ILogger<Gateway>>();
        // Made now, so that it knows when we started.
        _ = services.GetRequiredService<StatusBoard>();
        // Nobody asks for these: they measure when they are scraped.
        _ = services.GetRequiredService<ProcessMetrics>();
        var readiness = services.GetRequiredService<Readiness>();
        var systemd = services.GetRequiredService<ISystemdNotifier>();
        var stages = services.GetRequiredService<IMailStages>();
        var web = services.GetRequiredService<WebFlow>();
        var journal = services.GetRequiredService<IEvidenceJournal>();
        var time = services.GetRequiredService<TimeProvider>();
        void Enter(ProcessPhase phase, string words)
        {
            readiness.Enter(phase, words);
            systemd.Notify(new ServiceState("STATUS=" + words));
        }

        using var crashed = app.Lifetime.ApplicationStopping.Register(
            () => readiness.Enter(ProcessPhase.Stopped, "stopped"));
        signals.Hangup = () => _ = Task.Run(() => Reload(services, systemd, time));
        await app.StartAsync(signals.StopNow);
        try
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(signals.Drain,
                app.Lifetime.ApplicationStopping);
            // Before delivery begins: what was drained by hand must not get mail.
            services.GetRequiredService<TrafficDesk>().Restore();
            Enter(ProcessPhase.Replaying, "replaying the spool");
            await stages.OpenAsync(words => Enter(ProcessPhase.Replaying, words), stop.Token);
            Enter(ProcessPhase.Opening, "opening the listeners");
            var listeners = await stages.ListenAsync(stop.Token);
            var webListeners = await web.ListenAsync(stop.Token);
            Note(EvidenceKind.Started, "started");
            Enter(ProcessPhase.Ready, "ready");
            systemd.Notify(ServiceState.Ready);
            Ready(logger, StatusBoard.Version, configuration.Source, data.Path);
            await output.WriteAsync(ReadyWords.Write(configuration, file, data.Path, socketPath, listeners,
                webListeners));
            await output.FlushAsync(CancellationToken.None);
            await Task.Delay(Timeout.InfiniteTimeSpan, time, stop.Token);
        }
        catch (OperationCanceledException) when (signals.Drain.IsCancellationRequested
            || app.Lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // A signal, or a background part that failed: both end in a drain.
        }
        var failed = app.Lifetime.ApplicationStopping.IsCancellationRequested;
        systemd.Notify(ServiceState.Stopping);
        Enter(ProcessPhase.Draining, "draining: nothing new is taken, what runs may finish");
        Draining(logger);
        try
        {
            await Task.WhenAll(stages.DrainAsync(signals.StopNow), web.DrainAsync(signals.StopNow));
            // What was cut short may end without a word: sessions that were broken off have ended.
            signals.StopNow.ThrowIfCancellationRequested();
            Note(EvidenceKind.Stopped, failed ? "stopped because a part failed" : "drained and stopped");
        }
        catch (OperationCanceledException) when (signals.StopNow.IsCancellationRequested)
        {
            StoppedNow(logger);
            return ExitCode.StoppedNow;
        }
        catch (IOException e)
        {
            DrainFailed(logger, e.Message);
            return ExitCode.Failed;
        }
        await app.StopAsync(signals.StopNow);
        Stopped(logger);
        return failed ? ExitCode.Failed : ExitCode.Ok;

        void Note(EvidenceKind kind, string reason) => journal.Append(new EvidenceRecord
        {
            At = time.GetUtcNow(), Kind = kind, Actor = "holdfast " + StatusBoard.Version, Reason = reason,
        });
    }

    private static void Reload(IServiceProvider services, ISystemdNotifier systemd, TimeProvider time)
    {
        // systemd.service(5), Type=notify-reload: the time is the monotonic clock's, in microseconds.
        var microseconds = (long)time.GetElapsedTime(0).TotalMicroseconds;
        systemd.Notify(new ServiceState($"RELOADING=1\nMONOTONIC_USEC={microseconds}"));
        services.GetRequiredService<ConfigurationReload>().Reload("SIGHUP");
        systemd.Notify(ServiceState.Ready);
    }

    [LoggerMessage(EventId = 1030, Level = LogLevel.Information,
        Message = "Ready: holdfast {Version}, configuration {Configuration}, data {Data}")]
    private static partial void Ready(ILogger logger, string version, string configuration, string data);

    [LoggerMessage(EventId = 1031, Level = LogLevel.Information, Message = "Draining; a second signal stops now")]
    private static partial void Draining(ILogger logger);

    [LoggerMessage(EventId = 1032, Level = LogLevel.Information, Message = "Stopped; everything accepted is on disk")]
    private static partial void Stopped(ILogger logger);

    [LoggerMessage(EventId = 1033, Level = LogLevel.Warning,
        Message = "Stopped without draining; what was accepted is on disk, running attempts will be repeated")]
    private static partial void StoppedNow(ILogger logger);

    [LoggerMessage(EventId = 1034, Level = LogLevel.Error,
        Message = "Stopped before all was drained, since the disk fails: {Fault}. Everything accepted is on disk; "
            + "deliveries that could not be recorded are repeated after the start")]
    private static partial void DrainFailed(ILogger logger, string fault);
}
