using Holdfast.Traffic.Acts;

namespace Holdfast.Operator;

/// <summary>Body of <c>POST /api/v1/traffic/act</c>.</summary>
/// <param name="Scope">Null: found by the name.</param>
/// <param name="ForSeconds">How long; null: an hour.</param>
/// <param name="DryRun">True: only foretell.</param>
internal sealed record TrafficActRequest(
    ActKind Kind, string? Name, ActScope? Scope = null, double? Weight = null, double? ForSeconds = null,
    string? Reason = null, bool DryRun = false);

/// <summary>Answer of <c>POST /api/v1/traffic/act</c>.</summary>
/// <param name="Sentence">What was done or why not; of a dry run what it would do.</param>
internal sealed record TrafficActView(string Act, bool IsApplied, string Sentence, ActPrediction Prediction);

/// <summary>An act in force, in <c>/api/v1/traffic/acts</c> and <c>status</c>.</summary>
internal sealed record ActView(
    ActKind Kind, ActScope Scope, string Name, double Weight, DateTimeOffset Until, string Actor, string Reason);
