using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic.Gateways;

/// <summary>What the other gateways that send to the same sites told lately.</summary>
/// <remarks>
/// Guards against several gateways that each take a whole capacity for their own, whose limits stay as unequal as
/// chance made them, and of which one cuts off what the others reach.
/// A report holds for <see cref="FreshSeconds"/>; who is not heard any longer is as if it were not there, and then each
/// does as if it were alone. What is heard is bounded and never trusted: unknown ids and numbers that are none are
/// left out, at most <see cref="GatewaysMax"/> gateways are kept.
/// Known to do badly: the second or two that a report is old; a gateway that lies.
/// </remarks>
internal sealed class OtherGateways
{
    public const int GatewaysMax = 64;
    public const double FreshSeconds = 3;
    private readonly (GatewayReport? Report, double At)[] _heard = new (GatewayReport?, double)[GatewaysMax];
    private SiteSum[] _sites = [];
    private TargetSum[] _targets = [];
    private int _fresh;

    /// <summary>Sums over the gateways that were heard lately.</summary>
    internal struct SiteSum
    {
        /// <summary>What those send that are given what they ask for.</summary>
        public double PlacedPerSecond;
        /// <summary>Demand of those that are short of it.</summary>
        public double DemandOfShort;
        public int Short;
        /// <summary>Of those that the site itself has shown a capacity.</summary>
        public double Capacity;
        public double DemandOfHeld;
        public double Outcomes;
        public double Failures;
        /// <summary>Least seconds since a canary of theirs passed, at the time of the sum.</summary>
        public double CanaryPassedAgo;
    }

    /// <summary>Of those whose limit binds.</summary>
    internal struct TargetSum
    {
        public double Limit;
        public double Demand;
    }

    public int Sites => _sites.Length;
    public int Targets => _targets.Length;
    /// <summary>How many were heard lately.</summary>
    public int Count => _fresh;
    public bool AreHeard => _fresh > 0;

    /// <summary>An older report than the last, or one of nobody, is dropped.</summary>
    public void Hear(GatewayReport report, double now)
    {
        if ((uint)report.Gateway >= GatewaysMax)
            return;
        ref var last = ref _heard[report.Gateway];
        if (last.Report is { } before && before.Number >= report.Number && now - last.At < FreshSeconds)
            return;
        last = (report, now);
        _fresh = Math.Max(1, _fresh);
    }

    /// <summary>Once a second. Demand that isn't known counts as one, for each the same.</summary>
    public void Sum(Topology topology, double now)
    {
        if (!AreHeard)
            return;
        if (_sites.Length != topology.Sites.Length || _targets.Length != topology.Targets.Length)
        {
            _sites = new SiteSum[topology.Sites.Length];
            _targets = new TargetSum[topology.Targets.Length];
        }
        Array.Fill(_sites, new SiteSum { CanaryPassedAgo = double.PositiveInfinity });
        Array.Clear(_targets);
        _fresh = 0;
        foreach (ref var heard in _heard.AsSpan())
        {
            if (heard.Report is not { } report)
                continue;
            if (now - heard.At > FreshSeconds)
            {
                heard = default;
                continue;
            }
            _fresh++;
            Add(report, topology, now - heard.At);
        }
    }

    public ref readonly SiteSum this[SiteId site] => ref _sites[site.Value];
    public ref readonly TargetSum this[TargetId target] => ref _targets[target.Value];

    private void Add(GatewayReport report, Topology topology, double age)
    {
        foreach (var told in report.Sites)
        {
            if ((uint)told.Site.Value >= (uint)_sites.Length)
                continue;
            ref var sum = ref _sites[told.Site.Value];
            var demand = DemandOf(report, topology.Sites[told.Site.Value].Service);
            if (told.IsShort)
            {
                sum.Short++;
                sum.DemandOfShort += demand;
            }
            else
            {
                sum.PlacedPerSecond += Sound(told.PlacedPerSecond);
            }
            if (Sound(told.Capacity) > 0)
            {
                sum.Capacity += told.Capacity;
                sum.DemandOfHeld += demand;
            }
            sum.Outcomes += Sound(told.Outcomes);
            sum.Failures += Math.Min(Sound(told.Failures), Sound(told.Outcomes));
            if (told.CanaryPassedAgo >= 0)
                sum.CanaryPassedAgo = Math.Min(sum.CanaryPassedAgo, told.CanaryPassedAgo + age);
        }
        foreach (var told in report.Targets)
        {
            if ((uint)told.Target.Value >= (uint)_targets.Length || Sound(told.Limit) <= 0)
                continue;
            ref var sum = ref _targets[told.Target.Value];
            sum.Limit += told.Limit;
            sum.Demand += DemandOf(report, topology.Sites[topology.Targets[told.Target.Value].Site.Value].Service);
        }
    }

    private static double DemandOf(GatewayReport report, ServiceId service) =>
        (uint)service.Value < (uint)report.Demand.Count && Sound(report.Demand[service.Value]) is > 0 and var demand
            ? demand : 1;

    private static double Sound(double told) => told is > 0 and < 1e9 ? told : 0;
}
