using System.ComponentModel.DataAnnotations;

namespace Holdfast.Watch.Localise;

/// <summary>How far an explanation goes. See <see cref="Localiser"/> for the formulas.</summary>
public sealed class LocaliseOptions
{
    /// <summary>Most dimensions that an explanation names.</summary>
    /// <value>4.</value>
    [Range(1, 4)]
    public int DepthMax { get; set; } = 4;

    /// <summary>What explains a smaller share of the failures beyond the expected isn't told.</summary>
    /// <value>2 %.</value>
    [Range(0.0, 1.0)]
    public double ShareMin { get; set; } = 0.02;

    /// <summary>Requests at the global rate that a combination's own expected rate is mixed with.</summary>
    /// <value>20.</value>
    [Range(0.0, 1e6)]
    public double PseudoRequests { get; set; } = 20;
}
