using Holdfast.Traffic.Health;

namespace Holdfast.Mail.Deliver;

/// <summary>How long a target usually takes for the replies before the final dot, step by step.</summary>
/// <remarks>
/// The board keeps a baseline of final dots only. Without one for the other steps a target that looks recipients up for
/// two seconds would count as a black hole at each message. The first replies to a step, and those to canaries, are
/// believed at once; then its value follows the 98th percentile by a sign rule: up by a twentieth when a reply took
/// longer, down by a fiftieth of that when it didn't; so a target that stood still for once changes little. Written by
/// several sessions without a lock: a lost step of the rule does no harm.
/// </remarks>
internal sealed class ReplyTimes
{
    /// <summary>Seconds; twice this is the second that the board waits at least.</summary>
    private const float Least = 0.5f;
    private const float Most = 15;
    private const float Up = 1.05f;
    /// <summary>1.05 to the power of -1/50.</summary>
    private const float Down = 0.999025f;
    /// <summary>So many replies are believed at once.</summary>
    private const int First = 10;
    private readonly byte[] _count = new byte[(int)AttemptPhase.FinalDot];
    private readonly float[] _usual = new float[(int)AttemptPhase.FinalDot];

    /// <summary>After how long a reply to this step is strangely late: twice the usual, at most 30 seconds. For the
    /// final dot: zero, since the board knows more.</summary>
    public TimeSpan Allowance(AttemptPhase phase) =>
        phase < AttemptPhase.FinalDot ? TimeSpan.FromSeconds(2 * Usual(phase)) : TimeSpan.Zero;

    public void Note(AttemptPhase phase, TimeSpan took, bool isCanary)
    {
        if (phase >= AttemptPhase.FinalDot)
            return;
        var usual = Usual(phase);
        var isLonger = took.TotalSeconds > usual;
        var isFirst = _count[(int)phase] < First;
        if (isFirst)
            _count[(int)phase]++;
        _usual[(int)phase] = Math.Clamp(!isLonger ? usual * Down
            : isFirst || isCanary ? (float)took.TotalSeconds : usual * Up, Least, Most);
    }

    private float Usual(AttemptPhase phase) => Math.Max(Least, _usual[(int)phase]);
}
