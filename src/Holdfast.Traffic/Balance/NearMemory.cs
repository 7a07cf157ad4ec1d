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
        for (var i = 0; i < Unsafe.SizeOf<T>(); i += LineBytes)
            Sse.Prefetch0(from + i);
    }
}
