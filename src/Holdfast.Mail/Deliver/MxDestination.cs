namespace Holdfast.Mail.Deliver;

/// <summary>Slots and pauses of one destination that is found by MX and so isn't on the traffic board.</summary>
/// <remarks>Failures that no exchanger of the domain cures pause it: one message tries it when the pause ends, not one
/// back-off a message. Guarded by the scheduler's lock.</remarks>
internal sealed class MxDestination(int slots)
{
    private static readonly TimeSpan PauseMin = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan PauseMax = TimeSpan.FromMinutes(30);
    private int _failures;
    private int _taken;
    private bool _testing;

    /// <summary>Until when nothing is tried; the past: open.</summary>
    public TimeSpan PausedUntil { get; private set; }
    public string? Evidence { get; private set; }
    public bool IsPaused => _failures > 0;

    /// <summary>Takes a slot. <paramref name="wait"/> says when to ask again.</summary>
    public bool TryTake(TimeSpan now, out bool canary, out TimeSpan wait)
    {
        canary = false;
        wait = TimeSpan.FromMilliseconds(500);
        if (_failures > 0)
        {
            if (now < PausedUntil || _testing)
            {
                wait = now < PausedUntil ? PausedUntil - now : wait;
                return false;
            }
            _testing = canary = true;
        }
        if (_taken >= slots)
        {
            _testing &= !canary;
            return false;
        }
        _taken++;
        return true;
    }

    public void Release(bool wasCanary)
    {
        _taken--;
        if (wasCanary)
            _testing = false;
    }

    public void Succeeded()
    {
        _failures = 0;
        PausedUntil = TimeSpan.Zero;
        Evidence = null;
    }

    public void Failed(TimeSpan now, string evidence, double jitter)
    {
        // Failures of attempts that were under way when the pause began don't lengthen it.
        if (now < PausedUntil)
            return;
        _failures = Math.Min(_failures + 1, 10);
        var pause = TimeSpan.FromTicks(Math.Min(PauseMax.Ticks, PauseMin.Ticks << (_failures - 1)));
        PausedUntil = now + (pause * (0.75 + (0.5 * jitter)));
        Evidence = evidence;
    }
}
