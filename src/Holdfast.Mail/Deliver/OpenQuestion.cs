using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Mail.Deliver;

/// <summary>What a target was asked and hasn't answered yet: tells the board, so that silence is seen after a second
/// and not when a time-out has passed.</summary>
/// <remarks>
/// Promise: every wait for a target, from the connection to the final dot, is expected of it with an allowance for the
/// step and for the message's size, and taken back as soon as anything comes. One a session, used again for attempt
/// after attempt: nothing is allocated on the way.
/// The watch asks <see cref="IsInVain"/> from its own thread.
/// </remarks>
internal sealed class OpenQuestion(DeliveryPlacements placements, TimeProvider time)
{
    /// <summary>A slower uplink than this makes a dot look late: 512 KiB a second, what lies in the kernel's and the
    /// target's buffers included.</summary>
    private const double DotBytesPerSecond = 512 * 1024;
    /// <summary>One write of up to 128 KiB that the target doesn't take.</summary>
    private static readonly TimeSpan WriteAllowance = TimeSpan.FromSeconds(5);

    private Placement _placement;
    private ReplyTimes? _times;
    private TimeSpan _askedAt;
    private AttemptPhase _phase;
    private bool _isOpen;
    private bool _isWrite;
    private int _target = TargetId.None.Value;

    /// <summary>An attempt at a service's target begins.</summary>
    public void Begin(in Placement placement, ReplyTimes times)
    {
        _placement = placement;
        _times = times;
        _isOpen = false;
        // A canary is there to find out whether a closed target answers: it is given its time.
        Volatile.Write(ref _target, placement.Kind == PlacementKind.Canary ? TargetId.None.Value
            : placement.Target.Value);
    }

    /// <summary>The attempt is over, or goes to no target of a service.</summary>
    public void End()
    {
        _times = null;
        _isOpen = false;
        Volatile.Write(ref _target, TargetId.None.Value);
    }

    /// <summary>The last byte of the question is sent and no answer is there yet.</summary>
    /// <param name="bytes">For the final dot: the message's size.</param>
    public void Asked(AttemptPhase phase, long bytes = 0)
    {
        if (_times is null)
            return;
        var allowance = phase == AttemptPhase.FinalDot ? TimeSpan.FromSeconds(1 + bytes / DotBytesPerSecond)
            : _times.Allowance(phase);
        Open(phase, allowance, isWrite: false);
    }

    /// <summary>The target doesn't take at once what is being sent.</summary>
    public void Writing(AttemptPhase phase)
    {
        if (_times is not null)
            Open(phase, WriteAllowance, isWrite: true);
    }

    /// <summary>Something came, or what was sent was taken.</summary>
    public void Answered()
    {
        if (!_isOpen || _times is null)
            return;
        _isOpen = false;
        var now = time.GetElapsedTime(0);
        if (!_isWrite)
            _times.Note(_phase, now - _askedAt, _placement.Kind == PlacementKind.Canary);
        // The final dot's own report follows at once.
        if (_isWrite || _phase != AttemptPhase.FinalDot)
            placements.Answered(_placement, _phase, now - _askedAt, now);
    }

    /// <summary>Nobody needs to wait on: the board has closed the target, so the message may go elsewhere.</summary>
    public bool IsInVain
    {
        get
        {
            var target = Volatile.Read(ref _target);
            return target != TargetId.None.Value && placements.IsClosed(new TargetId(target));
        }
    }

    private void Open(AttemptPhase phase, TimeSpan allowance, bool isWrite)
    {
        (_phase, _isWrite, _isOpen) = (phase, isWrite, true);
        _askedAt = time.GetElapsedTime(0);
        placements.Expect(_placement, phase, allowance, _askedAt);
    }
}
