namespace Holdfast.Traffic.Health;

/// <summary>Words in <see cref="TrafficOutcome.Detail"/> that the engine reads.</summary>
public static class TrafficDetail
{
    /// <summary>How the detail of a failure begins when a step was left without an answer: the mark of a black hole.
    /// </summary>
    public const string Stall = "no reply for ";

    /// <summary>Evidence of a question that stands unanswered longer than it ever did.</summary>
    internal const string Overdue = "no answer yet, longer than ever";
}
