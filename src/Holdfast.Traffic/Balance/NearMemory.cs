using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Holdfast.Traffic.Balance;

/// <summary>Asks for memory before it is needed. With thousands of targets an outcome's time is mostly waiting for
/// memory; who asks for all of it at once waits once. It changes nothing and never fails; elsewhere than on x86 it does
/// nothing.</summary>
internal static class NearMemory
{
    private const int LineBytes = 64;

    /// <summary>The line that holds the beginning of this.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Ask<T>(ref T at)
    {
        if (Sse.IsSupported)
            Sse.Prefetch0(Unsafe.AsPointer(ref at));
    }

    /// <summary>Every line of a field.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void AskAll<T>(ref T at)
    {
        if (!Sse.IsSupported)
            return;
        var from = (byte*)Unsafe.AsPointer(ref at);
        for (var i = 0; i < Unsafe.SizeOf<T>() - 1; i += LineBytes)
            Sse.Prefetch0(from + i);
        // It need not begin where a line begins.
        Sse.Prefetch0(from + Unsafe.SizeOf<T>() - 1);
    }

    /// <summary>A part of an object, by its distance from the object's beginning. A field's address would do, but to
    /// take it of an object the runtime first reads the object, lest it be null: the very wait that is to be saved.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Ask(object? item, int from, int to)
    {
        if (!Sse.IsSupported)
            return;
        // Null is no trouble: to ask for what isn't there does nothing.
        var start = (byte*)Unsafe.As<object?, nint>(ref item);
        for (var i = from; i < to; i += LineBytes)
            Sse.Prefetch0(start + i);
        Sse.Prefetch0(start + to - 1);
    }

    /// <summary>How far a field lies from its object's beginning.</summary>
    public static int Distance<T>(object item, ref T field) => nint.Size + (int)Unsafe.ByteOffset(
        ref Unsafe.As<StrongBox<byte>>(item).Value, ref Unsafe.As<T, byte>(ref field));
}
