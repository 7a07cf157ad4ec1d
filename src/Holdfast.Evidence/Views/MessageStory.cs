using Holdfast.Storage.Journal;

namespace Holdfast.Evidence.Views;

/// <summary>One message's life as the records tell it, in order.</summary>
/// <param name="Id">Null for what never became a message of ours (a refused or shed command).</param>
/// <param name="State">In a word: Delivered, Waiting, Bounced, Expired, Removed, Held, Refused, Shed, Mixed, Unknown.
/// </param>
/// <param name="Summary">One sentence for a person.</param>
/// <param name="IsCut">True when there were more records than are shown.</param>
public sealed record MessageStory(
    string? Id, string? Sender, IReadOnlyList<string> Recipients, DateTimeOffset FirstAt, DateTimeOffset LastAt,
    string State, string Summary, IReadOnlyList<StoryStep> Steps, bool IsCut);

/// <param name="After">Time since the story's first record.</param>
/// <param name="Text">What happened, in words: "deferred a@b.example at mail-na: 451 4.3.2 …".</param>
public sealed record StoryStep(DateTimeOffset At, TimeSpan After, EvidenceKind Kind, string Text,
    EvidenceRecord Record);

/// <summary>What to look for.</summary>
/// <param name="IdOrAddress">A message's id in any case, or a sender's or recipient's address.</param>
/// <param name="Limit">Most messages, newest first. 1 to 1 000.</param>
public sealed record TraceQuery(
    string IdOrAddress, DateTimeOffset? Since = null, DateTimeOffset? Until = null, int Limit = 20);
