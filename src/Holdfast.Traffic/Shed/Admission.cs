namespace Holdfast.Traffic.Shed;

/// <summary>Whether a request may join the queue of its service.</summary>
/// <param name="IsAdmitted">True: it counts as queued until it is placed or withdrawn.</param>
/// <param name="RetryAfter">When refused: how long the client should stay away.</param>
/// <param name="ShedShare">Share of recent requests that is refused now.</param>
public readonly record struct Admission(bool IsAdmitted, TimeSpan RetryAfter, double ShedShare);
