using System.Runtime.CompilerServices;

namespace Holdfast.Sim.Clockwork;

/// <summary>Timers that all last equally long, so that the first set is the first due: a ring, one event for its head.
/// </summary>
/// <remarks>A timer is not cancelled: whoever is called looks whether the serial still means anything. The owner drops
/// void heads before the ring would grow, so that it is as long as what is under way, not as the time-out.</remarks>
internal sealed class TimerLine(long ticks)
{
    private Timer[] _ring = new Timer[64];
    private int _head;
    private int _count;

    internal readonly record struct Timer(long Due, int Subject, int Serial);

    public long Ticks { get; } = ticks;
    public bool IsEmpty => _count == 0;
    public bool IsFull => _count == _ring.Length;
    public ref readonly Timer Head => ref _ring[_head];
    /// <summary>One that is the head after so many, or an old one.</summary>
    public ref readonly Timer Later(int after) => ref _ring[(_head + after) & (_ring.Length - 1)];

    /// <summary>True while an event for the head, or for one that was it, is in the queue.</summary>
    public bool IsArmed { get; set; }

    /// <summary>True when the caller must push an event for its due time; the line counts as armed then.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Set(long now, int subject, int serial)
    {
        if (_count == _ring.Length)
            Grow();
        _ring[(_head + _count++) & (_ring.Length - 1)] = new Timer(now + Ticks, subject, serial);
        if (IsArmed)
            return false;
        return IsArmed = true;
    }

    /// <summary>After the event came and what was due was taken. True when the caller must push one for the head.
    /// </summary>
    public bool Rearm() => IsArmed = _count > 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Timer Take()
    {
        var timer = _ring[_head];
        _head = (_head + 1) & (_ring.Length - 1);
        _count--;
        return timer;
    }

    private void Grow()
    {
        var ring = new Timer[_ring.Length * 2];
        for (var i = 0; i < _count; i++)
            ring[i] = _ring[(_head + i) & (_ring.Length - 1)];
        _ring = ring;
        _head = 0;
    }
}
