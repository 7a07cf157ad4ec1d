namespace Holdfast.Web;

/// <summary>A web service as status pages show it, beside what the board says of its sites.</summary>
/// <param name="Waiting">Requests that wait for a place.</param>
/// <param name="Sessions">Null: none of its routes has sessions.</param>
public sealed record WebServiceStatus(
    string Service, int Waiting, WebSessionCounts? Sessions, IReadOnlyList<WebProbeStatus> Probes,
    IReadOnlyList<WebProbeStatus> Canaries);

/// <summary>Answered requests with session cookies since the start.</summary>
/// <param name="Bound">Had no session, and have one now.</param>
/// <param name="Kept">Were answered where their session is.</param>
/// <param name="Moved">Were answered elsewhere, and their session is there now.</param>
public sealed record WebSessionCounts(long Bound, long Kept, long Moved);

/// <summary>The last probe of a target, or canary of a site.</summary>
/// <param name="Target">Null: of the whole site.</param>
/// <param name="Fate"><c>passed</c>, <c>failed</c>, <c>lost</c> or <c>void</c> (it says nothing).</param>
/// <param name="Detail">What was wrong; empty: nothing.</param>
public sealed record WebProbeStatus(
    string Site, string? Target, string Fate, string Detail, DateTimeOffset At, TimeSpan Took);
