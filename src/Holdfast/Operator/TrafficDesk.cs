using System.Text.Json;
using Holdfast.Configuration;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Journal;
using Holdfast.Traffic;
using Holdfast.Traffic.Acts;

namespace Holdfast.Operator;

/// <summary>Where operators move traffic by hand: each act is foretold, then done, recorded and kept.</summary>
/// <remarks>
/// Promise: an act that was answered as done stands in the evidence with its actor, is in force until it expires or is
/// taken back, and outlives a restart unless the answer says that the disk refused.
/// </remarks>
internal sealed partial class TrafficDesk(
    ITrafficBoard board, ActFile file, IEvidenceJournal journal, TimeProvider time, ILogger<TrafficDesk> logger)
{
    public static readonly TimeSpan ForMin = TimeSpan.FromSeconds(1);
    public static readonly TimeSpan ForMax = TimeSpan.FromDays(30);
    public static readonly TimeSpan ForDefault = TimeSpan.FromHours(1);
    public const int ReasonCharsMax = 300;
    private readonly Lock _gate = new();

    /// <summary>Reads what a request is about.</summary>
    /// <param name="problem">What is wrong with it and what to do; null when all is well.</param>
    public OperatorAct Read(TrafficActRequest request, string actor, out string? problem)
    {
        problem = null;
        var name = request.Name?.Trim() ?? "";
        if (name.Length is 0 or > 512)
            problem = "name: a region, a site, or a target as site/address";
        else if (!Enum.IsDefined(request.Kind))
            problem = "kind: drain, undrain, pin, unpin, weight, freeze or unfreeze";
        else if (request.Kind == ActKind.Weight && request.Weight is not (>= 0 and <= 1))
            problem = "weight: from 0 (nothing) to 1 (all that it would get)";
        else if (request.ForSeconds is { } seconds
            && !(seconds >= ForMin.TotalSeconds && seconds <= ForMax.TotalSeconds))
            problem = "for: from 1 second to 30 days";
        else if (request.Reason?.Length > ReasonCharsMax)
            problem = $"reason: at most {ReasonCharsMax} characters";
        if (problem is not null || Scope(request.Scope, ref name, out problem) is not { } scope)
            return default;
        return new OperatorAct(request.Kind, scope, name, request.Weight ?? 1,
            request.ForSeconds is { } s ? TimeSpan.FromSeconds(s) : ForDefault, actor, request.Reason ?? "");
    }

    public ActPrediction Predict(in OperatorAct act) => board.Predict(act, time.GetElapsedTime(0));

    /// <summary>Does it. The outcome's sentence says what was done, or why not.</summary>
    public ActOutcome Apply(in OperatorAct act)
    {
        lock (_gate)
        {
            var outcome = board.Apply(act, time.GetElapsedTime(0));
            journal.Append(new EvidenceRecord
            {
                At = time.GetUtcNow(), Kind = EvidenceKind.OperatorAct, Actor = act.Actor,
                Site = act.Scope == ActScope.Site ? act.Name : null,
                Target = act.Scope == ActScope.Target ? act.Name : null,
                Reason = $"{Describe(act)}{(outcome.IsApplied ? "" : " (refused)")}: {outcome.Sentence}"
                    + (act.Reason.Length > 0 ? $" Because: {act.Reason}" : ""),
            });
            if (!outcome.IsApplied)
                return outcome;
            Done(Describe(act), act.Actor, outcome.Sentence);
            try
            {
                file.Write([.. Acts().Select(a => new StoredAct(a.Kind, a.Scope, a.Name, a.Weight, a.Until, a.Actor,
                    a.Reason))]);
                return outcome;
            }
            catch (DiskException e)
            {
                NotKept(e, act.Name);
                return outcome with { Sentence = outcome.Sentence + " A restart will forget it: " + e.Message };
            }
        }
    }

    public IReadOnlyList<ActView> Acts()
    {
        var wall = time.GetUtcNow();
        return [.. board.Snapshot(time.GetElapsedTime(0)).Acts.Select(a => new ActView(a.Kind, a.Scope, a.Name,
            a.Weight, wall + a.ExpiresIn, a.Actor, a.Reason))];
    }

    /// <summary>Brings back what was in force before a restart and hasn't expired.</summary>
    public void Restore()
    {
        IReadOnlyList<StoredAct> stored;
        try
        {
            stored = file.Read();
        }
        catch (Exception e) when (e is DiskException or JsonException)
        {
            NotRestored(e, ActFile.Name);
            return;
        }
        var wall = time.GetUtcNow();
        foreach (var act in stored)
        {
            var left = act.Until - wall;
            // A clock that was set back must not make an act longer than anybody could ask for.
            if (left > ForMax)
                left = ForMax;
            if (left < ForMin || !Enum.IsDefined(act.Kind) || !Enum.IsDefined(act.Scope))
                continue;
            var outcome = board.Apply(new OperatorAct(act.Kind, act.Scope, act.Name, act.Weight, left, act.Actor ?? "",
                act.Reason ?? ""), time.GetElapsedTime(0));
            if (outcome.IsApplied)
                Restored(act.Kind, act.Name, act.Until, act.Actor ?? "");
            else
                Forgotten(act.Kind, act.Name, outcome.Sentence);
        }
    }

    /// <summary>In the words of the commands: <c>weight 0.5 mail-na for 1h</c>.</summary>
    internal static string Describe(in OperatorAct act)
    {
        var verb = act.Kind.ToString().ToLowerInvariant();
        var weight = act.Kind == ActKind.Weight
            ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $" {act.Weight:0.###}") : "";
        var term = act.Kind is ActKind.Drain or ActKind.Pin or ActKind.Weight or ActKind.Freeze && act.For is { } f
            ? $" for {Quantity.Describe(f)}" : "";
        return $"{verb} {act.Name}{weight}{term}";
    }

    private ActScope? Scope(ActScope? wanted, ref string name, out string? problem)
    {
        problem = null;
        var picture = board.Topology;
        var given = name;
        var sites = picture.Sites.Where(s => !s.IsRetired).ToList();
        var isSite = sites.Any(s => Same(s.Name, given));
        var isRegion = sites.Any(s => Same(s.Region, given));
        var isTarget = picture.Targets.Any(t => !t.IsRetired
            && Same($"{picture.Sites[t.Site.Value].Name}/{t.Address}", given));
        if (wanted is { } scope && scope switch
            {
                ActScope.Site => isSite,
                ActScope.Region => isRegion,
                _ => isTarget,
            })
        {
            return scope;
        }
        if (wanted is null && isSite && isRegion)
        {
            problem = $"\"{name}\" is a site and a region: say which with --scope site or --scope region";
            return null;
        }
        if (wanted is null && (isSite || isRegion || isTarget))
            return isSite ? ActScope.Site : isRegion ? ActScope.Region : ActScope.Target;
        string[] known =
        [
            .. sites.Select(s => s.Region).Distinct(StringComparer.OrdinalIgnoreCase), .. sites.Select(s => s.Name),
            .. picture.Targets.Where(t => !t.IsRetired)
                .Select(t => $"{picture.Sites[t.Site.Value].Name}/{t.Address}"),
        ];
        var what = wanted is { } w ? w.ToString().ToLowerInvariant() : "region, site or target (site/address)";
        problem = $"there is no {what} \"{name}\"" + (NameGuess.Suggest(name, known) is { } hint ? "; " + hint : "");
        return null;
    }

    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);

    [LoggerMessage(EventId = 1110, Level = LogLevel.Warning, Message = "Operator act: {Act} by {Actor}: {Sentence}")]
    private partial void Done(string act, string actor, string sentence);

    [LoggerMessage(EventId = 1111, Level = LogLevel.Warning,
        Message = "The act on {Name} is in force, but a restart will forget it: it could not be written")]
    private partial void NotKept(Exception exception, string name);

    [LoggerMessage(EventId = 1112, Level = LogLevel.Warning,
        Message = "Operator acts of before are lost: {File} could not be read; see holdfast status, and repeat them")]
    private partial void NotRestored(Exception exception, string file);

    [LoggerMessage(EventId = 1113, Level = LogLevel.Information,
        Message = "In force again: {Kind} {Name} until {Until:u}, by {Actor}")]
    private partial void Restored(ActKind kind, string name, DateTimeOffset until, string actor);

    [LoggerMessage(EventId = 1114, Level = LogLevel.Warning,
        Message = "Not in force again: {Kind} {Name}: {Sentence}")]
    private partial void Forgotten(ActKind kind, string name, string sentence);
}
