using System.Diagnostics.CodeAnalysis;

namespace Holdfast.Mail;

/// <summary>Checks of our own reasoning, on in release: the stage stops rather than send on doubtful state.</summary>
internal static class Invariant
{
    public static void Require([DoesNotReturnIf(false)] bool condition, string what)
    {
        if (!condition)
            throw new InvalidOperationException($"Broken invariant: {what}");
    }
}
