using Holdfast.Traffic.Health;

namespace Holdfast.Mail.Deliver;

/// <summary>Says how long a deferred recipient waits. Pure: same options, arguments and draws, same wait.
/// </summary>
/// <remarks>The wait counts while the destination isn't closed; the caller stops the clock otherwise.</remarks>
internal sealed class RetryPolicy(RetryOptions options)
{
    private static readonly TimeSpan LaterMin = TimeSpan.FromHours(1);
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    /// <summary>No wait is longer, with jitter and pacing.</summary>
    public TimeSpan LongestWait => Longer(options.RetryDelayMax * 1.5, Day);

    /// <param name="failure">What the last attempt came to.</param>
    /// <param name="attempts">Attempts so far, the last one included; 1 after the first.</param>
    public TimeSpan NextDelay(in ReplyClassification failure, int attempts, Random random)
    {
        if (failure.Advice == RetryAdvice.AnotherTransaction)
            return TimeSpan.Zero;
        var again = Math.Max(0, attempts - 1);
        if (failure.IsOutcomeUnknown)
            return Jittered(Longer(options.UnknownOutcomeDelay, Doubled(options.RetryDelayMin, again)), random);
        var wait = failure.Scope switch
        {
            _ when failure.Advice == RetryAdvice.Soon => Placed(again),
            FailureScope.Target or FailureScope.Site => Placed(again),
            FailureScope.SourceAddress => Doubled(options.SourceAddressDelayMin, again),
            _ => again == 0 ? Shorter(options.RetryDelayFirst, options.RetryDelayMax)
                : Doubled(options.RetryDelayMin, again - 1),
        };
        if (failure.Advice == RetryAdvice.Later)
            wait = Longer(wait, LaterMin);
        return failure.Advice == RetryAdvice.Later ? wait + (Jittered(wait, random) - wait).Duration()
            : Jittered(wait, random);
    }

    /// <summary>A placement rather than a retry: it goes as soon as there is a place, so the wait only breaks loops.
    /// </summary>
    private TimeSpan Placed(int again) => Shorter(Doubled(options.PlacementDelay, again), options.RetryDelayMin);

    /// <summary>Doubles without overflow.</summary>
    private TimeSpan Doubled(TimeSpan first, int times)
    {
        var wait = first;
        for (var i = 0; i < times && wait < options.RetryDelayMax; i++)
            wait += wait;
        return Shorter(wait, options.RetryDelayMax);
    }

    private TimeSpan Jittered(TimeSpan wait, Random random) =>
        wait * (1 + options.RetryJitter * (random.NextDouble() - 0.5));

    private static TimeSpan Longer(TimeSpan a, TimeSpan b) => a > b ? a : b;
    private static TimeSpan Shorter(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
