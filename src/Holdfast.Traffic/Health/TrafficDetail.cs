namespace Holdfast.Traffic.Health;

/// <summary>Words in <see cref="TrafficOutcome.Detail"/> that the engine reads.</summary>
public static class TrafficDetail
{
    /// <summary>How the detail of a failure begins when a step was left without an answer: the mark of a black hole.
    /// </summary>
    public const string Stall = "no reply for ";
}
