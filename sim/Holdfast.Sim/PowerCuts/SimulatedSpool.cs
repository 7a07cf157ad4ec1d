using Holdfast.Mail.Spool;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Segments;

using Microsoft.Extensions.Logging.Abstractions;

namespace Holdfast.Sim.PowerCuts;

/// <summary>The production spool on one thread: its writer runs when it is pumped, disk work runs inline.</summary>
internal sealed class SimulatedSpool
{
    /// <summary>Rounds without progress after which a wait is taken for a hang.</summary>
    private const int IdleRoundsMax = 10_000;
    private readonly PumpedCommitDriver _driver = new();
    private readonly SimulatedTime _time;

    public SimulatedSpool(IDisk disk, SpoolOptions options, SimulatedTime time, Random random,
        bool movesUnsynced = false)
    {
        _time = time;
        Spool = new MailSpool(disk, 1, new FixedOptions<SpoolOptions>(options), time, random, Evidence, null, null,
            NullLogger<MailSpool>.Instance, new SpoolSeams(Inline, _driver, RunsUpkeep: false, Pause, movesUnsynced));
        Spool.Arrived = (waiting, message) => Arrivals.Add((waiting, message));
    }

    public MailSpool Spool { get; }
    public KeptEvidence Evidence { get; } = new();
    public List<(WaitingMessage Waiting, SpooledMessage? Message)> Arrivals { get; } = [];

    public void Open() => Run(Spool.OpenAsync(null, CancellationToken.None));
    public void Upkeep() => Run(Spool.UpkeepAsync());
    public void Flush() => Run(Spool.FlushAsync().AsTask());

    public void Close()
    {
        // In two steps: the log must not be closed from inside its own pump.
        Run(Spool.SettleAsync());
        Run(Spool.DisposeAsync().AsTask());
    }

    public void Pump() => _driver.PumpAll();

    /// <summary>Pumps until the task is done; time moves when nothing else does.</summary>
    public void Run(Task task)
    {
        for (var idle = 0; !task.IsCompleted; idle++)
        {
            if (_driver.Pump())
                idle = 0;
            else
                _time.Advance(TimeSpan.FromMilliseconds(20));
            if (idle > IdleRoundsMax)
                throw new InvalidOperationException("the spool waits for something that never comes");
        }
        task.GetAwaiter().GetResult();
    }

    public T Run<T>(Task<T> task)
    {
        Run((Task)task);
        return task.GetAwaiter().GetResult();
    }

    public T Run<T>(ValueTask<T> task) => Run(task.AsTask());

    private Task Pause(TimeSpan span)
    {
        _time.Advance(span);
        return Task.CompletedTask;
    }

    private static Task Inline(Action work)
    {
        try
        {
            work();
            return Task.CompletedTask;
        }
        catch (DiskException e)
        {
            return Task.FromException(e);
        }
        catch (PowerCutException e)
        {
            return Task.FromException(e);
        }
    }
}
