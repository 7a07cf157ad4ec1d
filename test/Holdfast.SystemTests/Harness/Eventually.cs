using System.Diagnostics;

namespace Holdfast.SystemTests.Harness;

/// <summary>Waits for something to become true, looking often, with a limit and a reason when it doesn't.</summary>
internal static class Eventually
{
    public static Task HoldsAsync(Func<bool> condition, TimeSpan limit, Func<string> otherwise) =>
        HoldsAsync(() => Task.FromResult(condition()), limit, otherwise);

    public static async Task HoldsAsync(Func<Task<bool>> condition, TimeSpan limit, Func<string> otherwise)
    {
        var watch = Stopwatch.StartNew();
        while (!await condition())
        {
            if (watch.Elapsed > limit)
                Assert.Fail($"not within {limit}: {otherwise()}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }
}
