using Holdfast.Mail.Spool;
using Holdfast.Sim.Disks;
using Holdfast.Storage.Disk;

namespace Holdfast.Sim.PowerCuts;

/// <summary>One seeded history: the production spool lives a few lives on a disk whose power goes at random
/// operations, also while it recovers; after each recovery it is compared with what was promised.</summary>
/// <remarks>
/// After each recovery: every message that was acknowledged and whose end was not synced is there, byte for byte;
/// what ended may be back only if its end was not synced (counted); nothing is there that nobody sent. Deterministic:
/// one thread, one seed.
/// </remarks>
internal sealed class PowerCutRun
{
    private const int LivesMax = 4;
    private const int StepsMax = 40;
    private readonly PowerCutPlan _plan;
    private readonly Random _random;
    private readonly ExpectedMail _expected;
    private readonly SimulatedTime _time = new();
    private readonly SpoolOptions _options;
    private SimulatedDisk _disk;
    private SimulatedSpool _spool = null!;
    private PowerCutTally _tally;

    public PowerCutRun(int seed, PowerCutPlan plan)
    {
        _plan = plan;
        _random = new Random(seed);
        _expected = new ExpectedMail(seed, plan.FaultShare > 0);
        _time.Advance(TimeSpan.FromDays(20_000));
        _options = new SpoolOptions
        {
            InlineBytesMax = 4096,
            SegmentBytes = 64 << 10,
            BodyMemoryBytes = 1 << 20,
            DiskReserveBytes = 128 << 10,
            DiskFreeMin = 64 << 10,
            WasteBytesMax = _random.Next(3) * 100_000,
            CompactionLiveMax = 0.6,
            CheckpointBytes = 50_000,
            CheckpointInterval = TimeSpan.FromSeconds(10),
        };
        _disk = new SimulatedDisk(new SimulatedDiskManners
        {
            TotalBytes = plan.DiskBytes,
            TearsInsideSectors = _random.Next(2) == 0,
            IgnoresDataSync = plan.Mutant == PowerCutMutant.NoDataSync,
            IgnoresDirectorySync = plan.Mutant == PowerCutMutant.NoDirectorySync,
        });
    }

    /// <exception cref="PowerCutFault">A promise was broken.</exception>
    public static PowerCutTally Run(int seed, PowerCutPlan plan)
    {
        try
        {
            return new PowerCutRun(seed, plan).Run();
        }
        catch (Exception e) when (e is not PowerCutFault)
        {
            throw new PowerCutFault($"seed {seed}: {e}", e);
        }
    }

    private PowerCutTally Run()
    {
        Recover();
        for (var life = _random.Next(1, LivesMax + 1); life > 0; life--)
        {
            var lastsLonger = _random.Next(3) == 0;
            Live(lastsLonger);
            Recover();
        }
        // Whatever happened, it takes mail again and keeps it.
        _spool.Upkeep();
        _spool.Upkeep();
        Append();
        _spool.Flush();
        _expected.Flushed();
        CutPower();
        Recover();
        return _tally with { Reappeared = _expected.Reappeared };
    }

    /// <summary>Opens the spool, through further power cuts now and then, and compares.</summary>
    private void Recover()
    {
        while (true)
        {
            _disk.BeforeOperation = null;
            if (_random.Next(4) == 0)
                CutAfter(_random.Next(1, 60), 0);
            try
            {
                Start();
                break;
            }
            catch (PowerCutException)
            {
                CutPower();
            }
        }
        _disk.BeforeOperation = null;
        _expected.Compare(_spool);
    }

    private void Start()
    {
        IDisk disk = _plan.Mutant == PowerCutMutant.NoBodySync ? new UnsyncedBodies(_disk) : _disk;
        _spool = new SimulatedSpool(disk, _options, _time, new Random(_random.Next()),
            _plan.Mutant == PowerCutMutant.MovesUnsynced);
        _spool.Open();
        // Messages in a segment that had failed can be loaded once they stand in a good one.
        _spool.Upkeep();
    }

    private void Live(bool isLong)
    {
        CutAfter(_random.Next(5, isLong ? 2000 : 250), _plan.FaultShare);
        try
        {
            for (var steps = _random.Next(1, isLong ? StepsMax * 5 : StepsMax); steps > 0; steps--)
                Step();
            // It ends before its cut: killed, closed, or cut at rest.
            switch (_random.Next(4))
            {
                case 0:
                    _disk.BeforeOperation = null;
                    Try(_spool.Flush, _expected.Flushed);
                    _spool.Close();
                    _disk.Kill();
                    break;
                case 1:
                    _disk.Kill();
                    // The end of a process loses nothing that was written: but what was, the model does not follow.
                    break;
                default:
                    CutPower();
                    break;
            }
        }
        catch (PowerCutException)
        {
            CutPower();
        }
    }

    private void CutPower()
    {
        _disk.BeforeOperation = null;
        _disk = _disk.Cut(_random);
        _tally += new PowerCutTally(1, 0, 0, 0, 0);
    }

    private void CutAfter(long operations, double faultShare)
    {
        var at = _disk.Operations + operations;
        _disk.BeforeOperation = (number, operation, path) =>
        {
            if (number >= at)
                throw new PowerCutException();
            if (operation == "unlink" && path.StartsWith("segments/", StringComparison.Ordinal))
                _tally += new PowerCutTally(0, 0, 0, 0, 1);
            if (faultShare > 0 && operation is not ("pread" or "readdir" or "flock" or "mkdir")
                && _random.NextDouble() < faultShare)
                throw new DiskException(operation, path, _random.Next(3) == 0 ? DiskError.NoSpace : DiskError.Io, 5);
        };
    }

    private void Step()
    {
        _time.Advance(TimeSpan.FromMilliseconds(_random.Next(100)));
        switch (_random.Next(20))
        {
            case < 9:
                Append();
                break;
            case < 15:
                Deliver();
                break;
            case < 16:
                Try(_spool.Flush, _expected.Flushed);
                break;
            case < 19:
                _spool.Upkeep();
                break;
            default:
                _spool.Pump();
                break;
        }
    }

    private static void Try(Action action, Action then)
    {
        try
        {
            action();
        }
        catch (DiskException)
        {
            return;
        }
        then();
    }

    /// <summary>One to five messages at once, so that they share a batch.</summary>
    private void Append()
    {
        var appends = new List<(ExpectedMessage Message, Task<AppendResult> Task, MessageDraft Draft)>();
        for (var n = _random.Next(1, 6); n > 0; n--)
        {
            var content = new byte[Size()];
            _random.NextBytes(content);
            var envelope = new Envelope
            {
                Id = _spool.Spool.NewId(),
                ReceivedAt = _time.GetUtcNow(),
                Sender = "sender@example.org",
                Recipients = [.. Enumerable.Range(0, _random.Next(1, 4))
                    .Select(i => new EnvelopeRecipient($"r{i}@example.net"))],
                Listener = "relay",
                SizeBytes = content.Length,
            };
            var message = new ExpectedMessage(envelope, content);
            _expected.Add(message);
            var draft = _spool.Spool.BeginDraft(_random.Next(2) == 0 ? content.Length : null);
            for (var at = 0; at < content.Length;)
            {
                var room = draft.GetMemory();
                var count = Math.Min(room.Length, content.Length - at);
                content.AsSpan(at, count).CopyTo(room.Span);
                draft.Advance(count);
                at += count;
                if (draft.NeedsFlush)
                    _spool.Run(draft.FlushAsync(CancellationToken.None).AsTask());
            }
            appends.Add((message, _spool.Spool.AppendAsync(envelope, draft, CancellationToken.None).AsTask(), draft));
        }
        foreach (var (message, task, draft) in appends)
        {
            var result = _spool.Run(task);
            _spool.Run(draft.DisposeAsync().AsTask());
            message.IsStored = result == AppendResult.Stored;
            if (!message.IsStored)
            {
                _tally += new PowerCutTally(0, 0, 1, 0, 0);
                continue;
            }
            _tally += new PowerCutTally(0, 1, 0, 0, 0);
            message.Held = _spool.Arrivals.Last(a => a.Waiting.Id == message.Envelope.Id).Message;
        }
    }

    private int Size() => _random.Next(10) switch
    {
        < 5 => _random.Next(600),
        < 8 => _random.Next(4000),
        8 => 4090 + _random.Next(12),
        _ => _random.Next(4097, 20_000),
    };

    /// <summary>Attempts, outcomes and ends of some waiting messages; most messages end soon.</summary>
    private void Deliver()
    {
        var waiting = _expected.All.Where(m => m.IsStored && !m.IsEnded && m.Held is not null).ToList();
        for (var n = Math.Min(waiting.Count, _random.Next(1, 8)); n > 0; n--)
        {
            var expected = waiting[_random.Next(waiting.Count)];
            if (expected.IsEnded)
                continue;
            var message = expected.Held!;
            var progress = message.Progress;
            if (_random.Next(2) == 0)
            {
                _ = _spool.Spool.RecordAttemptAsync(message, [0], "na-1/127.0.0.1:2601").AsTask();
                Remember(expected);
            }
            var ends = _random.Next(3) != 0;
            foreach (var recipient in progress.Recipients)
            {
                if (!recipient.IsFinal && (ends || _random.Next(2) == 0))
                    recipient.State = ends || _random.Next(2) == 0 ? RecipientState.Delivered : RecipientState.Waiting;
                recipient.LastReply = ends ? null : "451 4.3.2 Temporary server error";
            }
            _spool.Spool.RecordProgress(message);
            expected.IsEnded = progress.IsFinal;
            Remember(expected);
        }
    }

    private static void Remember(ExpectedMessage expected)
    {
        var progress = expected.Held!.Progress;
        expected.LastVersion = progress.Version;
        expected.Versions[progress.Version] = [.. progress.Recipients.Select(r => r.State)];
    }
}
