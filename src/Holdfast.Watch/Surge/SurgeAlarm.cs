namespace Holdfast.Watch.Surge;

/// <summary>Why an alarm ended, or that it didn't.</summary>
public enum SurgeEnd
{
    /// <summary>The series ends within it.</summary>
    Open,
    /// <summary>Back at the mean.</summary>
    Cleared,
    /// <summary>Lasted longer than <see cref="SurgeOptions.AlarmMax"/>: its level is the new normal.</summary>
    NewNormal,
    /// <summary>No counts came any more.</summary>
    DataStopped,
}

/// <summary>Counts that left their mean.</summary>
/// <param name="Start">Begin of the first bin that the evidence is counted from.</param>
/// <param name="Raised">End of the bin with which the evidence was enough.</param>
/// <param name="End">Begin of the first bin back at the mean; null while it isn't.</param>
/// <param name="Observed">Counts from the start to the end, or to the last bin.</param>
/// <param name="Expected">What was expected of these bins.</param>
/// <param name="Nats">Most evidence reached.</param>
public sealed record SurgeAlarm(DateTimeOffset Start, DateTimeOffset Raised, DateTimeOffset? End, bool IsUp,
    double Observed, double Expected, double Nats, SurgeEnd EndedBy)
{
    public double Ratio => Observed / Expected;
}

/// <summary>How a bin stands.</summary>
public enum SurgeState
{
    /// <summary>Too little was seen to judge.</summary>
    Learning,
    Normal,
    Warning,
    Alarm,
}

/// <summary>A bin's judgement.</summary>
/// <param name="Nats">Evidence so far of the watched direction.</param>
/// <param name="Score">Evidence as a share of what raises an alarm: 1 and more is enough.</param>
public readonly record struct SurgeScore(DateTimeOffset Time, double Count, double Expected, double Nats, double Score,
    SurgeState State);
