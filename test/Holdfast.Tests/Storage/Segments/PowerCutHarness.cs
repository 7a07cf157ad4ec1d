using Holdfast.Sim;
using Holdfast.Sim.Disks;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Segments;

namespace Holdfast.Tests.Storage.Segments;

/// <summary>One seeded life of a log: random appends, roll-overs, deletions, failing operations, kills and power cuts,
/// and after each reopening the question what must be there, what may and what must not.</summary>
internal sealed class PowerCutHarness
{
    private sealed class PowerOffException : Exception;

    private sealed record Entry(int Id, byte[] Payload, Durability Durability)
    {
        public Task<RecordLocation>? Append;
        public bool WasSynced;
        public bool HasFailed;
        /// <summary>Failed, and afterwards the log made a fresh segment: it may never be seen again.</summary>
        public bool IsBarred;
        public RecordLocation Location;
        public bool IsDeleted;
        public bool MayBeLost;
    }

    private readonly Random _random;
    private readonly SimulatedTime _time = new();
    private readonly Dictionary<int, Entry> _entries = [];
    private readonly SegmentLogOptions _options;
    private SimulatedDisk _disk;
    private LogFixture? _log;
    private int _nextId = 1;
    /// <summary>Receives every disk operation, for looking at a seed that failed.</summary>
    public Action<string>? Trace { get; set; }
    private long _cutAt;
    private readonly bool _withFaults;

    public PowerCutHarness(int seed, SimulatedDiskManners? diskOptions = null, bool withFaults = false)
    {
        _random = new Random(seed);
        _withFaults = withFaults;
        diskOptions ??= new SimulatedDiskManners();
        diskOptions.TearsInsideSectors = _random.Next(2) == 0;
        _disk = new SimulatedDisk(diskOptions);
        _options = new SegmentLogOptions
        {
            SegmentBytes = 8 << 10, BatchBytes = 4 << 10, BatchRecords = 6, PrepareAtPercent = _random.Next(101),
        };
    }

    /// <summary>What went wrong, or null.</summary>
    public string? Run(int lives = 3)
    {
        for (var life = 0; life < lives; life++)
        {
            var cut = Live(life);
            if (Check(life, cut) is { } wrong) return wrong;
        }
        return null;
    }

    /// <summary>Runs until the chosen operation; true when it ended by a power cut (else by a kill).</summary>
    private bool Live(int life)
    {
        var isCut = _random.Next(5) != 0;
        _cutAt = _disk.Operations + _random.Next(4, 160);
        _disk.BeforeOperation = (n, operation, path) =>
        {
            if (n >= _cutAt) throw new PowerOffException();
            Trace?.Invoke($"{n} {operation} {path}");
            if (_withFaults && operation != "pread" && _random.Next(40) == 0)
            {
                Trace?.Invoke("   fails");
                throw Fault(operation, path);
            }
        };
        try
        {
            Open(life);
            while (true) Step();
        }
        catch (PowerOffException)
        {
        }
        _disk.BeforeOperation = null;
        // Completed or failed just before the lights went out.
        foreach (var entry in _entries.Values) Settle(entry);
        Trace?.Invoke($"--- cut {isCut}");
        if (isCut) _disk = _disk.Cut(_random);
        else _disk.Kill();
        return isCut;
    }

    private void Open(int life)
    {
        while (true)
        {
            try
            {
                _log = new LogFixture(_disk, _options, default, (life * 7919) + _random.Next(1 << 20), _time);
                return;
            }
            catch (DiskException) when (_withFaults)
            {
                // Open may fail when the directory can't be listed or locked; the operator starts it again.
            }
        }
    }

    private static DiskException Fault(string operation, string path) => operation switch
    {
        "pwrite" or "fallocate" => new DiskException(operation, path, DiskError.NoSpace, 28),
        _ => new DiskException(operation, path, DiskError.Io, 5),
    };

    private void Step()
    {
        switch (_random.Next(12))
        {
            case < 6:
                var length = _random.Next(8) == 0 ? _random.Next(3000) : _random.Next(4, 200);
                var entry = new Entry(_nextId, LogFixture.Payload(_nextId, length),
                    _random.Next(3) == 0 ? Durability.Lazy : Durability.Synced);
                _entries[_nextId++] = entry;
                entry.Append = _log!.Start((byte)(entry.Id & 0x7F), entry.Payload, entry.Durability);
                break;
            case < 9:
                Pump();
                break;
            case 9:
                _time.Advance(TimeSpan.FromMilliseconds(_random.Next(80)));
                break;
            case 10:
                _time.Advance(_options.RetryDelay);
                var sync = _log!.Log.SyncAsync().AsTask();
                Pump();
                if (sync.IsCompletedSuccessfully) MarkAllWrittenAsSynced();
                else _ = sync.Exception;
                break;
            default:
                Delete();
                break;
        }
    }

    private void Pump()
    {
        _log!.Driver.PumpAll();
        foreach (var entry in _entries.Values) Settle(entry);
        if (!_log.Log.IsFailed)
        {
            foreach (var entry in _entries.Values) entry.IsBarred |= entry.HasFailed;
        }
        // What was lazy in a poisoned segment may be gone.
        foreach (var number in _log.Poisoned)
        {
            foreach (var e in _entries.Values)
            {
                if (e.Location.Segment == number && !e.WasSynced) e.MayBeLost = true;
            }
        }
        _log.Poisoned.Clear();
    }

    private void Settle(Entry entry)
    {
        if (entry.Append is not { IsCompleted: true } append) return;
        entry.Append = null;
        if (append.IsCompletedSuccessfully)
        {
            entry.Location = append.GetAwaiter().GetResult();
            entry.WasSynced |= entry.Durability == Durability.Synced;
        }
        else
        {
            _ = append.Exception;
            entry.HasFailed = true;
            Trace?.Invoke($"   {entry.Id} failed");
        }
    }

    private void MarkAllWrittenAsSynced()
    {
        foreach (var entry in _entries.Values)
        {
            if (entry.Location.Segment > 0 && !entry.MayBeLost) entry.WasSynced = true;
        }
    }

    private void Delete()
    {
        var closed = _log!.Log.Segments.SkipLast(1).Where(s => s.IsClosed).ToArray();
        if (closed.Length < 2) return;
        var victim = closed[_random.Next(closed.Length)].Number;
        foreach (var entry in _entries.Values) entry.IsDeleted |= entry.Location.Segment == victim;
        try
        {
            _log.Log.Delete(victim);
        }
        catch (DiskException) when (_withFaults)
        {
            // May or may not have gone; nothing is expected of it any more.
        }
    }

    private string? Check(int life, bool wasCut)
    {
        _log = new LogFixture(_disk, _options, default, 1_000_000 + life, _time);
        Trace?.Invoke($"reopened: {string.Join(", ", _log.Log.Segments)} {string.Join(", ", _log.Damage)}");
        var seen = new HashSet<int>();
        ulong lastSequence = 0;
        foreach (var (location, kind, sequence, payload) in _log.Records)
        {
            var id = payload.Length >= 4 ? LogFixture.IdOf(payload) : 0;
            if (!_entries.TryGetValue(id, out var entry)) return $"record {id} was never appended";
            if (!entry.Payload.AsSpan().SequenceEqual(payload)) return $"record {id} has changed";
            if (kind != (id & 0x7F)) return $"record {id} has another kind";
            if (!seen.Add(id)) return $"record {id} came twice";
            if (entry.IsBarred) return $"record {id} had failed and is back";
            if (sequence <= lastSequence) return $"record {id} is out of order";
            if (entry.Location != default && entry.Location != location) return $"record {id} moved";
            if (!_log.Read(location).AsSpan().SequenceEqual(payload)) return $"record {id} reads otherwise";
            lastSequence = sequence;
        }
        foreach (var entry in _entries.Values)
        {
            if (entry.WasSynced && !entry.IsDeleted && !seen.Contains(entry.Id)) return $"record {entry.Id} is lost";
            // A kill leaves the kernel's memory alone: what was written is there.
            if (!wasCut && entry.Location != default && !entry.IsDeleted && !seen.Contains(entry.Id))
            {
                return $"record {entry.Id} was lost by a kill";
            }
        }
        foreach (var report in _log.Damage)
        {
            if (report.Reason is not (DamageReason.TornTail or DamageReason.UnsyncedLost)) return report.ToString();
        }

        // What the log shows now stays: from here on it counts as durable.
        foreach (var entry in _entries.Values.ToArray())
        {
            if (!seen.Contains(entry.Id)) _entries.Remove(entry.Id);
        }
        foreach (var (location, _, _, payload) in _log.Records)
        {
            if (!_entries.TryGetValue(LogFixture.IdOf(payload), out var entry)) continue;
            entry.Append = null;
            entry.Location = location;
            // Not so in a poisoned segment after a kill: it shows what the kernel holds, which is not the disk.
            entry.WasSynced = !_log.Log.Segments.First(s => s.Number == location.Segment).IsPoisoned
                || (entry.WasSynced && !entry.MayBeLost);
            entry.MayBeLost = !entry.WasSynced;
            entry.HasFailed = false;
            entry.IsDeleted = false; // The deletion was not durable.
        }
        _log.Close();
        return null;
    }
}
