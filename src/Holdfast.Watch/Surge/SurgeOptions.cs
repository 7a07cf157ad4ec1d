using System.ComponentModel.DataAnnotations;

namespace Holdfast.Watch.Surge;

/// <summary>Which way counts must leave their mean to be an alarm.</summary>
public enum SurgeDirection
{
    /// <summary>More than expected: reports, failures.</summary>
    Up,
    /// <summary>Less than expected: traffic that doesn't arrive.</summary>
    Down,
    Both,
}

/// <summary>When counts are a surge. See <see cref="SurgeDetector"/> for the formulas.</summary>
public sealed class SurgeOptions
{
    /// <summary>Multiple of the expected count that the test is sharpest for. A lasting multiple from about half of it
    /// on is found too, only later.</summary>
    /// <value>3.</value>
    [Range(1.1, 100)]
    public double Ratio { get; set; } = 3;

    /// <summary>Evidence in nats that raises an alarm, with bins of 5 minutes or longer. Shorter bins need
    /// ln(5 minutes / bin) more, since there are as many more chances of a false alarm a day.</summary>
    /// <value>10.5. Measured over 11 simulated years: 8.5 gave a false alarm a series in 3 months
    /// (docs/decisions/0022).</value>
    [Range(1, 1000)]
    public double AlarmNats { get; set; } = 10.5;

    /// <summary>Evidence that is a warning.</summary>
    /// <value>5 nats.</value>
    [Range(0.5, 1000)]
    public double WarnNats { get; set; } = 5;

    /// <summary>Evidence of being back at the mean that ends an alarm.</summary>
    /// <value>5 nats.</value>
    [Range(0.5, 1000)]
    public double ClearNats { get; set; } = 5;

    /// <summary>Deviance residual of the last three bins that raises an alarm where less than one is expected a bin.
    /// </summary>
    /// <value>4.5 standard deviations: once in 200 days of 1-minute bins.</value>
    [Range(2, 20)]
    public double ResidualAlarm { get; set; } = 4.5;

    /// <summary>Fewer than this are never a surge, however little is expected.</summary>
    /// <value>3, as at least three reporters.</value>
    [Range(0, 1e9)]
    public double CountMin { get; set; } = 3;

    /// <summary>How much more evidence an alarm needs for each one of the last week that was over within six bins.
    /// </summary>
    /// <value>1 time <see cref="AlarmNats"/>; 0 turns it off.</value>
    [Range(0, 10)]
    public double SpikeGrowth { get; set; } = 1;

    /// <summary>How fast the level forgets.</summary>
    /// <value>One day.</value>
    [Range(typeof(TimeSpan), "01:00:00", "60.00:00:00")]
    public TimeSpan LevelHalfLife { get; set; } = TimeSpan.FromDays(1);

    /// <summary>How fast the profile of the week forgets.</summary>
    /// <value>4 weeks.</value>
    [Range(typeof(TimeSpan), "7.00:00:00", "730.00:00:00")]
    public TimeSpan ProfileHalfLife { get; set; } = TimeSpan.FromDays(28);

    /// <summary>An alarm that lasts longer is taken for the new normal: it ends, and the level starts from it.
    /// </summary>
    /// <value>One day.</value>
    [Range(typeof(TimeSpan), "01:00:00", "60.00:00:00")]
    public TimeSpan AlarmMax { get; set; } = TimeSpan.FromDays(1);

    /// <summary>Which alarms are raised. Both directions are always watched, since neither may teach the level.
    /// </summary>
    /// <value>Up.</value>
    public SurgeDirection Direction { get; set; } = SurgeDirection.Up;
}
