using System.ComponentModel.DataAnnotations;

namespace Holdfast.Watch.Incidents;

/// <summary>When verdicts become an incident, and when it ends. See <see cref="IncidentRegister"/>.</summary>
internal sealed class IncidentOptions
{
    /// <summary>How long a service must be bad in a region without a break before it is an incident or joins one.
    /// </summary>
    /// <value>30 s: half of the minute from fault to publication.</value>
    [Range(typeof(TimeSpan), "00:00:00", "01:00:00")]
    public TimeSpan OpenAfter { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long it must be less bad before the incident says so.</summary>
    /// <value>5 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:00", "1.00:00:00")]
    public TimeSpan DowngradeAfter { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How long all must be healthy before recovery is told.</summary>
    /// <value>2 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:00", "1.00:00:00")]
    public TimeSpan RecoverAfter { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>How long all must stay healthy after recovery was told before the incident is closed.</summary>
    /// <value>15 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:00", "7.00:00:00")]
    public TimeSpan CloseAfter { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>A closed incident is opened again, not followed by another, when one of its services is bad in one of
    /// its regions within this time.</summary>
    /// <value>1 hour.</value>
    [Range(typeof(TimeSpan), "00:00:00", "7.00:00:00")]
    public TimeSpan ReopenWithin { get; set; } = TimeSpan.FromHours(1);

    /// <summary>What becomes bad within this time of an incident's last widening, in the same service or region, is
    /// taken for the same cause.</summary>
    /// <value>30 minutes.</value>
    [Range(typeof(TimeSpan), "00:00:00", "1.00:00:00")]
    public TimeSpan JoinWithin { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>How long after its last change an open incident needs a word.</summary>
    /// <value>1 hour.</value>
    [Range(typeof(TimeSpan), "00:01:00", "7.00:00:00")]
    public TimeSpan UpdateEvery { get; set; } = TimeSpan.FromHours(1);
}
