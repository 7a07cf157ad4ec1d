using Holdfast.Traffic.Health;

namespace Holdfast.Sim.Policies;

/// <summary>What a policy shows of itself, for one edge at one moment: filled in place, never allocated anew.</summary>
internal sealed class SitesSample(int sites, int targets)
{
    /// <summary>Verdict of each site.</summary>
    public VerdictState[] SiteVerdicts { get; } = new VerdictState[sites];
    /// <summary>Verdict of each target.</summary>
    public VerdictState[] TargetVerdicts { get; } = new VerdictState[targets];
    /// <summary>Operations a second that the site may be given; NaN: no limit is known.</summary>
    public double[] Limits { get; } = new double[sites];
    /// <summary>Share of the arrivals that are refused on purpose; NaN: none.</summary>
    public double[] ShedShares { get; } = new double[sites];
    /// <summary>Changes of verdicts since the last sample, oldest first; the simulator empties it.</summary>
    public List<VerdictChange> Changes { get; } = [];

    public void Clear()
    {
        Array.Clear(SiteVerdicts);
        Array.Clear(TargetVerdicts);
        Array.Fill(Limits, double.NaN);
        Array.Fill(ShedShares, double.NaN);
        Changes.Clear();
    }
}
