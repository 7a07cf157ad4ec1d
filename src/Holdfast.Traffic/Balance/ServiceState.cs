using Holdfast.Traffic.Limits;
using Holdfast.Traffic.Shed;
using Holdfast.Traffic.Spill;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic.Balance;

/// <summary>What is held of one service.</summary>
internal sealed class ServiceState
{
    public readonly ShedCutOff Queue = new();
    public readonly KeepShares Keep = new();
    /// <summary>What each priority asks for a second, wherever it was placed.</summary>
    public readonly SmoothRate[] Asked = new SmoothRate[ShedCutOff.Priorities];
    /// <summary>The same in all, over ten seconds.</summary>
    public RateMeter AskedInAll;
    /// <summary>What is asked of it a second, refused or not, over ten seconds; 0: not known, as of mail.</summary>
    public double Demand;
    /// <summary>Region whose retry budget its traffic earns and spends.</summary>
    public RegionId Region;
    /// <summary>When something last found no place at any site.</summary>
    public double FullAt = double.NegativeInfinity;
    /// <summary>When something that can't wait last found no place.</summary>
    public double RefusedAt = double.NegativeInfinity;
    /// <summary>By hand: only pinned sites are used.</summary>
    public bool IsPinned;
}
