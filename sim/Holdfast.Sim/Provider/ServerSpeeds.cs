using Holdfast.Sim.Clockwork;
using Holdfast.Sim.Scenarios;

namespace Holdfast.Sim.Provider;

/// <summary>Servers of a pool are not all alike.</summary>
internal static class ServerSpeeds
{
    /// <summary>Share of the usual speed: 1, drawn around 1, or drawn from the factors that a file gave.</summary>
    public static double Draw(ServerSpec spec, RandomStream random)
    {
        if (spec.CapacityFactors.Length > 0)
            return spec.CapacityFactors[random.Next(spec.CapacityFactors.Length)];
        var sigma = spec.CapacitySigma;
        return sigma > 0 ? Exact.Exp(sigma * random.NextNormal() - sigma * sigma / 2) : 1;
    }
}
