namespace Holdfast.Watch.Localise;

/// <summary>One combination where failures are beyond the expected.</summary>
/// <param name="Terms">Dimension and value, at most as many as <see cref="LocaliseOptions.DepthMax"/>.</param>
/// <param name="Expected">Failures it would have at the rate of what no explanation covers.</param>
/// <param name="Share">Of all failures beyond the expected.</param>
/// <param name="Nats">Evidence for it, after the penalty for its length.</param>
public sealed record Explanation(IReadOnlyList<(string Dimension, string Value)> Terms, double Requests,
    double Observed, double Expected, double Share, double Nats);

/// <summary>What explains the failures, best first, and what is left.</summary>
/// <param name="Error">Relative error of what is expected of a leaf, as the leaves themselves show it.</param>
/// <param name="RestRatio">Observed over expected of all that isn't explained.</param>
public sealed record Breakdown(IReadOnlyList<Explanation> Explanations, double Requests, double Observed, double Excess,
    double RestObserved, double RestRatio, double Error);
