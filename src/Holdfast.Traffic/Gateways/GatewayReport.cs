using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic.Gateways;

/// <summary>What one gateway tells the others once a second: what it sends where, and how that went.</summary>
/// <remarks>Ids are those of the gateway that hears it: who carries it between different pictures translates by names.
/// Idle sites and targets are left out.</remarks>
/// <param name="Gateway">Who tells it: 0 to <see cref="OtherGateways.GatewaysMax"/> − 1.</param>
/// <param name="Number">Grows with each report, so that an old one that comes late is known.</param>
/// <param name="Demand">What is asked of each service a second, its waiting or refused requests counted; 0: not
/// known.</param>
public sealed record GatewayReport(int Gateway, long Number, IReadOnlyList<double> Demand,
    IReadOnlyList<SiteReport> Sites, IReadOnlyList<TargetReport> Targets);

/// <param name="PlacedPerSecond">What is sent there.</param>
/// <param name="IsShort">More was asked of it than it might be given.</param>
/// <param name="Capacity">What the site has shown to take of this gateway a second, where that holds it back; else 0.
/// </param>
/// <param name="Outcomes">Lately, as far as the gateway holds it open; none while it is closed or coming back.</param>
/// <param name="CanaryPassedAgo">Seconds since an end-to-end canary last passed; infinite: none did.</param>
public readonly record struct SiteReport(
    SiteId Site, double PlacedPerSecond, bool IsShort, double Capacity, double Outcomes, double Failures,
    double CanaryPassedAgo);

/// <param name="Limit">Transactions that it may hold at once, where that is what holds the gateway back.</param>
public readonly record struct TargetReport(TargetId Target, double Limit);
