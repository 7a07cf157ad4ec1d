using Holdfast.Sim.Scenarios;
using Holdfast.Traffic.Targets;

namespace Holdfast.Sim.Policies;

/// <summary>An act by hand on a site, or on one target of it.</summary>
/// <param name="Target">None: the whole site.</param>
/// <param name="Weight">Weight: 0 to 1.</param>
/// <param name="For">Until it expires; zero: it doesn't.</param>
internal readonly record struct PolicyAct(ActKind Kind, SiteId Site, TargetId Target, double Weight, TimeSpan For);
