namespace Holdfast.Bench.Web;

/// <summary>Something that goes wrong with the targets, and the demand meanwhile.</summary>
/// <param name="Load">Requests a second over what the home region can do.</param>
/// <param name="Faults">By target, in the words of the harness's web faults.</param>
/// <param name="Retries">How often a client whose request failed asks again.</param>
/// <param name="Stays">Targets that don't heal with the others.</param>
/// <param name="After">How long is looked at after it, in times of the fault's own length.</param>
internal sealed record FailureCase(string Name, string Title, double Load, IReadOnlyDictionary<string, string> Faults,
    int Retries = 0, string Stays = "", double After = 1)
{
    /// <summary>A target: 6 workers of 24 ms a request, 250 requests a second.</summary>
    public const int Workers = 6;
    public static readonly TimeSpan Service = TimeSpan.FromMilliseconds(24);
    /// <summary>The other region is so much farther, there and back: North America and Europe.</summary>
    public static readonly TimeSpan Distance = TimeSpan.FromMilliseconds(80);
    public const double HomePerSecond = 500;
    /// <summary>Every refused client asks again after the same time: no jitter, as a page that reloads itself.</summary>
    public static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(2);
    /// <summary>Every so manieth request is a POST, which may not be repeated once it was sent.</summary>
    public const int PostEvery = 5;
    /// <summary>Home can lose one of its two targets.</summary>
    private const double Light = 0.4;
    private const double Usual = 0.7;

    /// <summary>Name and region of the four targets.</summary>
    public static readonly (string Name, bool IsHome)[] Targets = [("na1", true), ("na2", true), ("eu1", false), ("eu2", false)];

    public static readonly FailureCase[] All =
    [
        new("errors", "One target errs in 30 % (503 at once)", Light, On("errors=0.3", "na1")),
        new("slow", "One target is slow by 10 ×", Light, On("slow=10", "na1")),
        new("hole", "One target is a black hole", Light, On("hole", "na1")),
        new("green", "The same, but its health check stays green", Light, On("hole spares=/health", "na1")),
        new("region", "The home region is gone (refuses) at 70 % use", Usual, On("refuse", "na1", "na2")),
        new("dark", "The home region is gone (black hole) at 70 % use", Usual, On("hole", "na1", "na2")),
        new("capacity", "Home's capacity halved without errors at 70 % use", Usual, On("capacity=0.5", "na1", "na2")),
        new("herd", "Everything gone, home back alone, clients retrying", Usual, On("refuse", "na1", "na2", "eu1", "eu2"),
            Retries: 4, Stays: "eu1 eu2", After: 2),
    ];

    private static Dictionary<string, string> On(string faults, params string[] targets) =>
        targets.ToDictionary(t => t, _ => faults, StringComparer.Ordinal);
}
