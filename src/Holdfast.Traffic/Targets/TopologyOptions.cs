using System.ComponentModel.DataAnnotations;

namespace Holdfast.Traffic.Targets;

/// <summary>What there is to send traffic to: section <c>Holdfast:Topology</c>.</summary>
public sealed class TopologyOptions
{
    /// <summary>Region whose sites come first for services that name no home of their own.</summary>
    /// <value>The first of <see cref="Regions"/>.</value>
    public string HomeRegion { get; set; } = "";

    /// <summary>Regions, nearest to the home region first; that order is the order of spill.</summary>
    public RegionOptions[] Regions { get; set; } = [];

    /// <summary>Services that are at home in another region than <see cref="HomeRegion"/>.</summary>
    public ServiceOptions[] Services { get; set; } = [];

    /// <summary>Sites: one cluster of one service in one region each.</summary>
    public SiteOptions[] Sites { get; set; } = [];
}

/// <summary>A region of the provider.</summary>
public sealed class RegionOptions
{
    [Required] public string Name { get; set; } = "";
}

/// <summary>A service with a home of its own.</summary>
public sealed class ServiceOptions
{
    [Required] public string Name { get; set; } = "";
    /// <summary>Region whose sites come first for it; spill follows the order of <see cref="TopologyOptions.Regions"/>.
    /// </summary>
    [Required] public string HomeRegion { get; set; } = "";
}

/// <summary>One cluster of one service in one region.</summary>
public sealed class SiteOptions
{
    [Required] public string Name { get; set; } = "";
    /// <summary>Service that the site provides, for example <c>mail</c>.</summary>
    [Required] public string Service { get; set; } = "";
    [Required] public string Region { get; set; } = "";
    /// <summary>What the operator says the site can take, in operations (mail: messages) a second; null: not declared,
    /// the site starts at <c>CapacityInitial</c>. Counts as proven until traffic contradicts it.</summary>
    /// <value>null. Range 0.1 to 1 000 000.</value>
    public double? CapacityPerSecond { get; set; }
    /// <summary>Components that the site needs (a locator, a directory), by names of the operator's choosing. Sites
    /// that share one that fails are no alternative to each other.</summary>
    public string[] DependsOn { get; set; } = [];
    /// <summary>Targets of the site.</summary>
    public TargetOptions[] Targets { get; set; } = [];
}

/// <summary>One address:port of a site.</summary>
public sealed class TargetOptions
{
    /// <summary>Host name or IP address with port, for example <c>127.0.0.1:2601</c> or <c>[::1]:25</c>. A host name is
    /// resolved again and again; the last answer is kept when the name can't be resolved.</summary>
    [Required] public string Address { get; set; } = "";
    /// <summary>Most transactions at once to this target.</summary>
    /// <value>100. Range 1 to 10 000.</value>
    [Range(1, 10_000)] public int ConcurrencyMax { get; set; } = 100;
}
