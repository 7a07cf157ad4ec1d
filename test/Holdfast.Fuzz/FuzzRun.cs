using System.Diagnostics;

namespace Holdfast.Fuzz;

/// <summary>A find: the input that broke a promise, and how.</summary>
/// <param name="Origin">The corpus file, or the number of the mutation.</param>
internal sealed record FuzzFind(string Target, string Origin, byte[] Input, Exception Fault);

/// <summary>Replays a corpus, then mutates it: until the time or the number of inputs is used up, or a promise is
/// broken.</summary>
/// <remarks>
/// Promise: deterministic by seed; only how far a run gets depends on time. An input is also a find when it takes
/// longer than <see cref="TimeMax"/> or more memory than <see cref="AllocationMax"/>.
/// Known limit: no look at the code's coverage; inputs with new shapes (see <see cref="FuzzBody"/>) stand in for it.
/// </remarks>
internal sealed class FuzzRun(FuzzTarget target, int seed, TimeProvider time)
{
    /// <summary>Generous, since the machine may be busy.</summary>
    public static readonly TimeSpan TimeMax = TimeSpan.FromSeconds(5);
    public const long AllocationMax = 64L << 20;
    private const int PoolMax = 2000;

    private readonly List<byte[]> _pool = [];
    private readonly HashSet<int> _shapes = [];

    public long Inputs { get; private set; }
    public int Shapes => _shapes.Count;
    /// <summary>What runs now, for whoever watches over a hang.</summary>
    public byte[]? Current { get; private set; }
    public long StartedAt { get; private set; }

    /// <summary>Runs every file of the corpus.</summary>
    public FuzzFind? Replay(IEnumerable<(string Name, byte[] Bytes)> corpus)
    {
        foreach (var (name, bytes) in corpus)
        {
            if (Try(bytes) is { } fault)
                return new FuzzFind(target.Name, name, bytes, fault);
            _pool.Add(bytes);
        }
        return null;
    }

    public FuzzFind? Mutate(TimeSpan length, long inputsMax)
    {
        var mutator = new Mutator(new Random(seed), target);
        var start = time.GetTimestamp();
        for (var n = 1L; n <= inputsMax; n++)
        {
            if ((n & 15) == 0 && time.GetElapsedTime(start) >= length)
                break;
            var input = mutator.Next(_pool);
            var shapes = _shapes.Count;
            if (Try(input) is { } fault)
                return new FuzzFind(target.Name, $"seed {seed}, input {n}", input, fault);
            if (_shapes.Count > shapes && _pool.Count < PoolMax)
                _pool.Add(input);
        }
        return null;
    }

    /// <summary>What the input breaks, or null.</summary>
    public Exception? Try(byte[] input)
    {
        Inputs++;
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        StartedAt = time.GetTimestamp();
        Current = input;
        try
        {
            _shapes.Add(target.Body(input));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return e;
        }
        finally
        {
            Current = null;
        }
        if (time.GetElapsedTime(StartedAt) > TimeMax)
            return new InvalidOperationException($"Broken promise: an input is done with within {TimeMax}");
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        return allocated > AllocationMax
            ? new InvalidOperationException($"Broken promise: no input takes more than {AllocationMax >> 20} MiB")
            : null;
    }

    /// <summary>A shorter and plainer input that breaks the same promise at the same place.</summary>
    public byte[] Minimise(FuzzFind find)
    {
        const int TriesMax = 4000;
        var best = find.Input;
        var place = PlaceOf(find.Fault);
        var tries = 0;
        for (var length = Math.Max(1, best.Length / 2); length > 0; length /= 2)
        {
            for (var at = 0; at < best.Length;)
            {
                var size = Math.Min(length, best.Length - at);
                byte[] shorter = [.. best.AsSpan(0, at), .. best.AsSpan(at + size)];
                if (Breaks(shorter))
                    best = shorter;
                else
                    at += size;
            }
        }
        for (var i = 0; i < best.Length; i++)
        {
            if (best[i] == 'a')
                continue;
            var plainer = best.ToArray();
            plainer[i] = (byte)'a';
            if (Breaks(plainer))
                best = plainer;
        }
        return best;

        bool Breaks(byte[] input) => ++tries <= TriesMax && Try(input) is { } fault && PlaceOf(fault) == place;
    }

    private static string PlaceOf(Exception fault)
    {
        var frame = new StackTrace(fault).GetFrames().Select(f => f.GetMethod())
            .FirstOrDefault(m => m?.DeclaringType?.Namespace?.StartsWith("Holdfast", StringComparison.Ordinal) == true
                && m.DeclaringType != typeof(Promise));
        var promise = fault.Message.StartsWith("Broken promise", StringComparison.Ordinal) ? fault.Message : "";
        return $"{fault.GetType()} {frame?.DeclaringType}.{frame?.Name} {promise}";
    }
}
