namespace Holdfast.Sim.PowerCuts;

/// <summary>What is left out of the production code: a harness worth its name catches each.</summary>
internal enum PowerCutMutant
{
    None = 0,
    /// <summary>fdatasync does nothing.</summary>
    NoDataSync = 1,
    /// <summary>fsync of directories does nothing.</summary>
    NoDirectorySync = 2,
    /// <summary>Body files are not synced before their envelope is.</summary>
    NoBodySync = 3,
    /// <summary>A compacted segment is deleted before its survivors are synced.</summary>
    MovesUnsynced = 4,
}

/// <summary>What a run does to the spool.</summary>
/// <param name="Mutant">What is broken on purpose.</param>
/// <param name="FaultShare">Share of disk operations that fail while the spool works.</param>
/// <param name="DiskBytes">Size of the disk.</param>
internal sealed record PowerCutPlan(
    PowerCutMutant Mutant = PowerCutMutant.None, double FaultShare = 0, long DiskBytes = 1L << 30);

/// <summary>What runs came to.</summary>
/// <param name="Cuts">Power cuts (and a few kills and clean stops) recovered from.</param>
/// <param name="Stored">Messages acknowledged.</param>
/// <param name="Refused">Messages refused because the disk failed or was full.</param>
/// <param name="Reappeared">Ended messages that came back since their end was not synced: possible duplicates.</param>
/// <param name="Compacted">Segments given back.</param>
internal readonly record struct PowerCutTally(long Cuts, long Stored, long Refused, long Reappeared, long Compacted)
{
    public static PowerCutTally operator +(PowerCutTally a, PowerCutTally b) => new(a.Cuts + b.Cuts,
        a.Stored + b.Stored, a.Refused + b.Refused, a.Reappeared + b.Reappeared, a.Compacted + b.Compacted);
}

/// <summary>A promise was broken: the seed and what was seen.</summary>
internal sealed class PowerCutFault : Exception
{
    public PowerCutFault() { }
    public PowerCutFault(string message) : base(message) { }
    public PowerCutFault(string message, Exception inner) : base(message, inner) { }
}
