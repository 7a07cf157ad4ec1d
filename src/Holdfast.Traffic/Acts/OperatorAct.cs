namespace Holdfast.Traffic.Acts;

/// <summary>What an operator may do to traffic by hand.</summary>
public enum ActKind : byte
{
    /// <summary>Nothing new is placed there. What can wait waits until others take it; what has a deadline may use it
    /// for 30 s more, where others can't take it yet.</summary>
    Drain = 0,
    /// <summary>Ends a drain before it expires.</summary>
    Undrain = 1,
    /// <summary>The services that are there are placed there and nowhere else, while it stands.</summary>
    Pin = 2,
    /// <summary>Ends a pin.</summary>
    Unpin = 3,
    /// <summary>It gets only this part of what it would get; 1 ends it.</summary>
    Weight = 4,
    /// <summary>Verdicts, limits and shares there stay as they are, whatever is seen.</summary>
    Freeze = 5,
    /// <summary>Ends a freeze.</summary>
    Unfreeze = 6,
}

/// <summary>What an act is about.</summary>
public enum ActScope : byte { Target = 0, Site = 1, Region = 2 }

/// <summary>One act of an operator. What it is about goes by its name, so that the act survives a reload.</summary>
/// <param name="Name">A region's or site's name, or <c>site/address</c> of a target.</param>
/// <param name="Weight">For <see cref="ActKind.Weight"/>: 0 to 1.</param>
/// <param name="For">How long it holds; null: an hour. 1 second to 30 days.</param>
/// <param name="Actor">Who did it, for the record.</param>
/// <param name="Reason">Why, in the operator's words.</param>
public readonly record struct OperatorAct(
    ActKind Kind, ActScope Scope, string Name, double Weight = 1, TimeSpan? For = null, string Actor = "",
    string Reason = "");

/// <summary>What became of an act.</summary>
/// <param name="Sentence">What was done, or why it was refused.</param>
public sealed record ActOutcome(bool IsApplied, string Sentence);

/// <summary>What one site would carry after an act. Rates are operations a second.</summary>
/// <param name="Proven">What it has proven, or what the operator declared, and may be filled to.</param>
public sealed record ActShift(string Service, string Site, double Before, double After, double Proven);

/// <summary>What the engine expects of an act before it is done.</summary>
/// <param name="Sentence">For people: "this moves 4 200/s to eu, which has proven 3 900: 300/s would be shed".</param>
/// <param name="MovedPerSecond">Traffic that would be placed elsewhere.</param>
/// <param name="UnplacedPerSecond">Traffic that no site could take: it waits (mail) or is shed.</param>
public sealed record ActPrediction(
    bool IsAllowed, string Sentence, double MovedPerSecond, double UnplacedPerSecond, IReadOnlyList<ActShift> Shifts);

/// <summary>An act that is in force.</summary>
public sealed record ActSnapshot(
    ActKind Kind, ActScope Scope, string Name, double Weight, TimeSpan ExpiresIn, string Actor, string Reason);
