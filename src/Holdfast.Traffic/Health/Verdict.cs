using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic.Health;

/// <summary>What we hold of a target or a site.</summary>
public enum VerdictState : byte { Healthy = 0, Suspect = 1, Degraded = 2, Closed = 3, Recovering = 4 }

/// <summary>A verdict with its evidence, for people.</summary>
/// <param name="Evidence">One line: "37 of 40 RCPT answered 451 4.3.2 in 1.9 s".</param>
/// <param name="Since">Engine time at which this state began.</param>
public sealed record Verdict(VerdictState State, TimeSpan Since, string Evidence);

/// <summary>A verdict that changed, as an effect of an event or a tick. <paramref name="Target"/> is none for a site's
/// verdict.</summary>
public sealed record VerdictChange(SiteId Site, TargetId Target, VerdictState From, VerdictState To, string Evidence)
{
    /// <summary>The operation class that it is about.</summary>
    public OperationClass Operation { get; init; }
}
