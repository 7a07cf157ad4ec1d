namespace Holdfast.Fuzz;

/// <summary>What a target asserts: an input that breaks it is a find.</summary>
internal static class Promise
{
    public static void Holds(bool holds, string promise)
    {
        if (!holds)
            throw new InvalidOperationException($"Broken promise: {promise}");
    }
}
