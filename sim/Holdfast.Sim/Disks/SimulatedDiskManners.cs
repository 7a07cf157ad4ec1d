namespace Holdfast.Sim.Disks;

/// <summary>What the simulated disk does on purpose.</summary>
internal sealed class SimulatedDiskManners
{
    /// <summary>Space for all files together.</summary>
    public long TotalBytes { get; set; } = 1L << 40;

    /// <summary>A write may be torn inside a sector, too (never promised by disks, seldom seen).</summary>
    public bool TearsInsideSectors { get; set; }

    /// <summary>The mutant that a harness must catch: SyncData does nothing.</summary>
    public bool IgnoresDataSync { get; set; }

    /// <summary>The mutant that a harness must catch: SyncDirectory does nothing.</summary>
    public bool IgnoresDirectorySync { get; set; }
}
