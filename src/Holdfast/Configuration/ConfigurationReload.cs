using Holdfast.Storage.Journal;

namespace Holdfast.Configuration;

/// <summary>What came of one reload.</summary>
/// <param name="IsInForce">False: the file was refused and the old configuration goes on.</param>
/// <param name="NeedsRestart">Sections that changed but are read only at start.</param>
internal sealed record ReloadResult(bool IsInForce, bool HasChanged, IReadOnlyList<ConfigurationFault> Faults,
    IReadOnlyList<string> NeedsRestart);

/// <summary>The file that the process was started with, or null for the embedded default.</summary>
/// <param name="Load">Reads and checks it.</param>
/// <param name="Fingerprint">Tells contents apart; null: the file's own are hashed.</param>
internal sealed record ReloadSource(string? File, Func<ConfigurationResult> Load, Func<string?>? Fingerprint = null);

/// <summary>Takes a changed file into force without a restart, or refuses it as a whole.</summary>
/// <remarks>
/// Promise: a file with any fault changes nothing; its faults are logged and in the evidence journal. Rooms see the new
/// options only after every check passed. A file that is refused again unchanged is told of in one line. Runs when the
/// file changes (looked at once more after it came to rest) and on SIGHUP. Limit: the embedded default can't be
/// reloaded.
/// </remarks>
internal sealed partial class ConfigurationReload(
    ConfigurationStore store, ReloadSource source, IEvidenceJournal journal,
    ConfigurationMetrics metrics, TimeProvider time, ILogger<ConfigurationReload> logger) : BackgroundService
{
    /// <summary>Editors and configuration tools write in several steps; this much quiet ends them.</summary>
    internal static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(250);

    private static readonly Type[] s_readAtStart =
        [typeof(OperatorOptions), typeof(TelemetryOptions), typeof(HostOptions)];

    private readonly SemaphoreSlim _wake = new(0, 1);
    private readonly Lock _gate = new();
    private readonly ConfigurationSnapshot _atStart = store.Current;
    /// <summary>Contents that were loaded last, whatever came of it, and those refused last.</summary>
    private volatile string? _loaded;
    private volatile string? _refused;

    /// <summary>The file, or null for the embedded default.</summary>
    public string? File => source.File;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (File is null)
            return;
        using var watcher = TryWatch(File);
        _loaded ??= Fingerprint();
        while (!stoppingToken.IsCancellationRequested)
        {
            // Changes that no event tells of (network file systems, swapped links) are found by looking now and then.
            await _wake.WaitAsync(TimeSpan.FromSeconds(30), stoppingToken);
            string? before;
            do
            {
                before = Fingerprint();
                await Task.Delay(Rest, time, stoppingToken);
            }
            while (before != Fingerprint());
            // Somebody may have asked for it in the meantime.
            if (before != _loaded)
                Reload("the file changed");
        }
    }

    /// <summary>Loads the file now.</summary>
    public ReloadResult Reload(string cause)
    {
        lock (_gate)
        {
            if (File is null)
            {
                NothingToReload(cause);
                return new(true, false, [], []);
            }
            // Before the contents are read: what changes in between is seen as a change.
            var contents = _loaded = Fingerprint();
            var (next, faults) = source.Load();
            if (next is null && contents is not null && contents == _refused)
            {
                StillRefused(File, ConfigurationFault.Count(faults.Count), cause);
                return new(false, false, faults, []);
            }
            _refused = next is null ? contents : null;
            if (next is null)
            {
                metrics.Reloaded(isInForce: false);
                Refused(File, ConfigurationFault.Count(faults.Count), cause);
                foreach (var fault in faults)
                    RefusedBecause(fault.Describe(File));
                Note($"refused ({cause}): " + string.Join(" | ", faults.Take(20).Select(f => f.Describe(File))));
                return new(false, false, faults, []);
            }
            var changed = OptionsSection.All
                .Where(s => store.Current.TextOf(s.Type) != next.TextOf(s.Type)).ToArray();
            if (changed.Length == 0)
            {
                NothingNew(File, cause);
                return new(true, false, [], []);
            }
            string[] restart = [.. OptionsSection.All
                .Where(s => s_readAtStart.Contains(s.Type) && _atStart.TextOf(s.Type) != next.TextOf(s.Type))
                .Select(s => s.Path)];
            store.Swap(next);
            metrics.Reloaded(isInForce: true);
            var names = string.Join(", ", changed.Select(s => s.Path));
            InForce(File, cause, names);
            if (restart.Length > 0)
                NeedsRestart(string.Join(", ", restart));
            Note($"in force ({cause}): {names} changed");
            return new(true, true, [], restart);
        }
    }

    private void Note(string reason) => journal.Append(new EvidenceRecord
    {
        At = time.GetUtcNow(), Kind = EvidenceKind.ConfigurationChanged, Actor = "configuration",
        Reason = reason.Length <= 2000 ? reason : reason[..2000],
    });

    /// <summary>Contents as they are now, or null when they can't be read.</summary>
    private string? Fingerprint()
    {
        if (source.Fingerprint is { } given)
            return given();
        try
        {
            using var stream = new FileStream(File!, FileMode.Open, FileAccess.Read,
                FileShare.ReadWrite | FileShare.Delete);
            if (stream.Length > ConfigurationReader.BytesMax)
                return "too large";
            return Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(stream));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private FileSystemWatcher? TryWatch(string file)
    {
        try
        {
            // The directory, not the file: editors replace the file, and orchestrators a link beside it.
            var watcher = new FileSystemWatcher(Path.GetDirectoryName(Path.GetFullPath(file))!)
            {
                NotifyFilter = NotifyFilters.FileName | NotifyFilters.LastWrite | NotifyFilters.CreationTime
                    | NotifyFilters.Size | NotifyFilters.DirectoryName,
            };
            watcher.Changed += (_, _) => Wake();
            watcher.Created += (_, _) => Wake();
            watcher.Renamed += (_, _) => Wake();
            watcher.Deleted += (_, _) => Wake();
            watcher.EnableRaisingEvents = true;
            return watcher;
        }
        catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException)
        {
            NotWatched(file, e);
            return null;
        }
    }

    private void Wake()
    {
        lock (_wake)
        {
            if (_wake.CurrentCount == 0)
                _wake.Release();
        }
    }

    public override void Dispose()
    {
        _wake.Dispose();
        base.Dispose();
    }

    [LoggerMessage(EventId = 1000, Level = LogLevel.Information,
        Message = "Configuration {File} is in force ({Cause}); changed: {Sections}")]
    private partial void InForce(string file, string cause, string sections);

    [LoggerMessage(EventId = 1001, Level = LogLevel.Warning,
        Message = "Configuration {File} was refused, the old one goes on: {Faults} ({Cause})")]
    private partial void Refused(string file, string faults, string cause);

    [LoggerMessage(EventId = 1002, Level = LogLevel.Warning, Message = "{Fault}")]
    private partial void RefusedBecause(string fault);

    [LoggerMessage(EventId = 1003, Level = LogLevel.Warning,
        Message = "{Sections} changed but (in part) is read only at start: restart to use all of it")]
    private partial void NeedsRestart(string sections);

    [LoggerMessage(EventId = 1004, Level = LogLevel.Information,
        Message = "Configuration {File} says the same as before ({Cause})")]
    private partial void NothingNew(string file, string cause);

    [LoggerMessage(EventId = 1005, Level = LogLevel.Information,
        Message = "Nothing to reload ({Cause}): started without --config")]
    private partial void NothingToReload(string cause);

    [LoggerMessage(EventId = 1006, Level = LogLevel.Warning,
        Message = "Changes of {File} aren't announced by the file system: looking every 30 s; SIGHUP reloads at once")]
    private partial void NotWatched(string file, Exception exception);

    [LoggerMessage(EventId = 1007, Level = LogLevel.Warning,
        Message = "Configuration {File} is as it was refused: {Faults}, told before ({Cause})")]
    private partial void StillRefused(string file, string faults, string cause);
}
