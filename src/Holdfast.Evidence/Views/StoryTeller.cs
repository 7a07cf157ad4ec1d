using System.Globalization;
using Holdfast.Evidence.Records;
using Holdfast.Storage.Journal;

namespace Holdfast.Evidence.Views;

/// <summary>Turns one message's records into a story with a one-sentence summary.</summary>
internal static class StoryTeller
{
    private const string Waiting = "Waiting";
    private const int NamedMax = 2;

    public static MessageStory Tell(string? id, List<EvidenceRecord> records, bool isCut)
    {
        // Stable: records of one moment stay in the order in which they were written.
        var ordered = records.OrderBy(r => r.At).ToList();
        var first = ordered[0].At;
        var recipients = ordered.SelectMany(RecipientsText.Of)
            .Distinct(StringComparer.OrdinalIgnoreCase).ToList();
        var steps = ordered.Select(r => new StoryStep(r.At, r.At - first, r.Kind, Words(r), r)).ToList();
        var (state, summary) = Summarise(ordered, recipients);
        return new MessageStory(id, ordered.Select(r => r.Sender).FirstOrDefault(s => s is not null), recipients, first,
            ordered[^1].At, state, summary, steps, isCut);
    }

    private static (string State, string Summary) Summarise(List<EvidenceRecord> records, List<string> recipients)
    {
        var accepted = records.Find(r => r.Kind == EvidenceKind.Accepted);
        if (accepted is null && records.TrueForAll(r => r.Kind is EvidenceKind.Refused or EvidenceKind.Shed))
        {
            var last = records[^1];
            var verb = last.Kind == EvidenceKind.Refused ? "refused" : "turned away for now";
            return (last.Kind.ToString(), $"{verb}{Colon(last.Reply ?? last.Reason)}");
        }
        var start = accepted?.At ?? records[0].At;
        var ends = new Dictionary<string, EvidenceRecord>(StringComparer.OrdinalIgnoreCase);
        EvidenceRecord? held = null;
        EvidenceRecord? removed = null;
        foreach (var record in records)
        {
            if (record.Recipient is { } recipient && ChangesRecipient(record.Kind))
                ends[recipient] = record;
            else if (record.Kind == EvidenceKind.Removed)
                removed = record;
            held = record.Kind switch
            {
                EvidenceKind.Held => record, EvidenceKind.Released => null, _ => held,
            };
        }
        var waiting = new List<EvidenceRecord>();
        var byState = new SortedDictionary<string, List<EvidenceRecord>>(StringComparer.Ordinal);
        foreach (var end in recipients.Select(r => ends.GetValueOrDefault(r)).OfType<EvidenceRecord>())
        {
            var name = IsFinal(end.Kind) ? end.Kind.ToString() : Waiting;
            if (name == Waiting)
                waiting.Add(end);
            if (!byState.TryGetValue(name, out var list))
                byState[name] = list = [];
            list.Add(end);
        }
        if (removed is not null)
            return ("Removed", $"removed {Span(removed.At - start)} after acceptance by {removed.Actor ?? "somebody"}");
        // Removed or expired while held: the hold ended with it.
        if (held is not null && recipients.Exists(r => !ends.TryGetValue(r, out var end) || !IsFinal(end.Kind)))
            return ("Held", $"held since {Clock(held.At)}{Colon(held.Reason)}");
        if (byState.Count == 0)
        {
            return accepted is null ? ("Unknown", "only parts of its life are on record")
                : (Waiting, $"accepted {Clock(accepted.At)}; no attempt is on record yet");
        }
        var state = byState.Count == 1 ? byState.Keys.First() : "Mixed";
        var parts = byState.Select(p => Part(p.Key, p.Value, recipients.Count, accepted?.At, start)).ToList();
        var obstacles = Obstacles(records);
        if (obstacles.Length > 0)
            parts.Add(obstacles);
        return (state, string.Join("; ", parts));
    }

    private static string Part(string state, List<EvidenceRecord> ends, int recipients, DateTimeOffset? accepted,
        DateTimeOffset start)
    {
        var last = ends.MaxBy(r => r.At)!;
        var when = accepted is { } at ? $"{Span(last.At - at)} after acceptance" : Clock(last.At);
        var who = ends.Count == recipients ? "" : $"{ends.Count} of {recipients} ";
        var where = string.Join(" and ", ends.Select(r => r.Site ?? r.Target).OfType<string>()
            .Distinct(StringComparer.Ordinal).Take(NamedMax + 1));
        return state switch
        {
            nameof(EvidenceKind.Delivered) => $"{who}delivered {when}"
                + (where.Length > 0 ? $" through {where}" : ""),
            Waiting => $"{who}waiting since {Clock(start)}{Colon(last.Reply ?? last.Reason)}"
                + (last.NextAttemptAt is { } next ? $", next attempt {Clock(next)}" : ""),
            nameof(EvidenceKind.Bounced) =>
                $"{who}bounced {when}{Colon(last.Reply ?? last.Reason)}",
            _ => $"{who}{Verb(last.Kind)} {when}{Colon(last.Reason ?? last.Reply)}",
        };
    }

    /// <summary>What stood in the way before: "mail-na answered 451 4.3.2 …".</summary>
    private static string Obstacles(List<EvidenceRecord> records)
    {
        if (!records.Exists(r => r.Kind == EvidenceKind.Delivered))
            return "";
        var told = records
            .Where(r => r.Kind is EvidenceKind.Deferred or EvidenceKind.Moved or EvidenceKind.OutcomeUnknown)
            .Select(r => r.Kind == EvidenceKind.OutcomeUnknown
                ? $"{r.Site ?? r.Target ?? "a target"} left one outcome unknown"
                : r.Reply is { } reply ? $"{r.Site ?? r.Target ?? "a target"} answered {Short(reply)}"
                : r.Reason is { } reason ? Short(reason) : null)
            .OfType<string>().Distinct(StringComparer.Ordinal).ToList();
        return told.Count <= NamedMax ? string.Join("; ", told)
            : string.Join("; ", told.Take(NamedMax)) + $"; and {told.Count - NamedMax} more";
    }

    private static bool IsFinal(EvidenceKind kind) => kind is EvidenceKind.Delivered or EvidenceKind.Bounced
        or EvidenceKind.Expired or EvidenceKind.Removed;

    private static bool ChangesRecipient(EvidenceKind kind) => IsFinal(kind)
        || kind is EvidenceKind.Deferred or EvidenceKind.Moved or EvidenceKind.OutcomeUnknown;

    private static string Words(EvidenceRecord record)
    {
        var words = Verb(record.Kind);
        if (record.Recipient is { } recipient)
            words += $" {recipient}";
        if (record.Kind is EvidenceKind.Accepted or EvidenceKind.Refused or EvidenceKind.Shed)
        {
            if (record.Sender is { } sender)
                words += $" from {(sender.Length == 0 ? "<>" : sender)}";
            if (record.Remote is { } remote)
                words += $" by {remote}";
        }
        else if (record.Site is not null || record.Target is not null)
        {
            words += $" at {string.Join(" ", new[] { record.Site, record.Target }.OfType<string>())}";
        }
        // Failures of a site or target aren't the message's own, so that none may be counted yet.
        if (record.Attempt is > 0 and var attempt)
            words += $" (attempt {attempt})";
        words += Colon(record.Reply);
        if (record.Reason is { } reason && reason != record.Reply)
            words += record.Reply is null ? $": {reason}" : $" ({reason})";
        if (record.NextAttemptAt is { } next)
            words += $"; next attempt {Clock(next)}";
        if (record.Kind == EvidenceKind.OperatorAct && record.Actor is { } actor)
            words += $" by {actor}";
        return words;
    }

    private static string Verb(EvidenceKind kind) => kind switch
    {
        EvidenceKind.OutcomeUnknown => "outcome unknown for",
        EvidenceKind.DelayNotice => "delay notice sent for",
        EvidenceKind.OperatorAct => "operator act",
        EvidenceKind.ConfigurationChanged => "configuration changed",
        EvidenceKind.VerdictChanged => "verdict changed",
        _ => kind.ToString().ToLowerInvariant(),
    };

    private static string Colon(string? text) => string.IsNullOrEmpty(text) ? "" : $": {Short(text)}";

    private static string Short(string text) => text.Length <= 120 ? text : text[..119] + "…";

    private static string Clock(DateTimeOffset at) =>
        at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static string Span(TimeSpan span) => span switch
    {
        { TotalSeconds: < 1 } => Text($"{Math.Max(0, span.TotalMilliseconds):0} ms"),
        { TotalSeconds: < 10 } => Text($"{span.TotalSeconds:0.#} s"),
        { TotalMinutes: < 2 } => Text($"{span.TotalSeconds:0} s"),
        { TotalHours: < 2 } => Text($"{span.TotalMinutes:0} min"),
        _ => Text($"{span.TotalHours:0.#} h"),
    };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
