using System.Globalization;
using System.Text;
using Holdfast.Mail.Deliver;

namespace Holdfast.Mail.Queue;

/// <summary>Counts what an act came to, and says it.</summary>
internal sealed class ActTally(QueueActKind act)
{
    private long _busy;
    private long _gone;
    private long _unchanged;
    private long _noticesNotStored;
    private long _notices;

    public long Matched { get; private set; }
    public long Changed { get; private set; }
    /// <summary>The caller went away before the end.</summary>
    public bool WasBrokenOff { get; set; }

    public void Add(DeliveryActOutcome outcome)
    {
        Matched++;
        switch (outcome)
        {
            case DeliveryActOutcome.Done: Changed++; break;
            case DeliveryActOutcome.Busy: _busy++; break;
            case DeliveryActOutcome.Gone: _gone++; break;
            case DeliveryActOutcome.NoticeNotStored: _noticesNotStored++; break;
            case DeliveryActOutcome.IsNotice: _notices++; break;
            default: _unchanged++; break;
        }
    }

    public QueueActResult ToResult()
    {
        var notes = new List<string>();
        if (_busy > 0)
            notes.Add(Line(_busy, $"being delivered just now and left as {Before(_busy)}: ask again"));
        if (_gone > 0)
            notes.Add(Line(_gone, "delivered or ended meanwhile"));
        if (_unchanged > 0)
            notes.Add(Line(_unchanged, act switch
            {
                QueueActKind.Hold => "held already",
                QueueActKind.Release => "not held",
                QueueActKind.Retry => "held: release instead",
                _ => "as wanted already",
            }));
        if (_noticesNotStored > 0)
            notes.Add(Line(_noticesNotStored, $"left as {Before(_noticesNotStored)}, since the notice to the sender "
                + "could not be stored: see the log, then ask again"));
        if (_notices > 0)
            notes.Add(Line(_notices, $"left as {Before(_notices)}: a notice of ours, whose end nobody is told of; "
                + "remove it instead"));
        if (WasBrokenOff)
            notes.Add("broken off: messages not reached are as they were");
        return new QueueActResult(Matched, Changed, notes);
    }

    /// <summary>The whole act for the journal.</summary>
    public string Describe(QueueSelector selector, string? reason)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture,
            $"{act.ToString().ToLowerInvariant()}: {Changed} of {Matched} messages changed; selected by");
        var start = text.Length;
        if (selector.All)
            text.Append(" all");
        if (selector.Ids.Count > 0)
            text.Append(CultureInfo.InvariantCulture,
                $" {selector.Ids.Count} {(selector.Ids.Count == 1 ? "id" : "ids")}");
        Part("sender", selector.Sender);
        Part("recipient", selector.Recipient);
        Part("destination", selector.Destination);
        Part("older than", selector.OlderThan?.ToString("c", CultureInfo.InvariantCulture));
        Part("younger than", selector.YoungerThan?.ToString("c", CultureInfo.InvariantCulture));
        Part("reason", selector.Reason);
        Part("held", selector.IsHeld?.ToString());
        if (text.Length == start)
            text.Append(" nothing");
        if (WasBrokenOff)
            text.Append("; broken off");
        if (!string.IsNullOrWhiteSpace(reason))
            text.Append("; because: ").Append(reason);
        return text.ToString();

        void Part(string name, string? value)
        {
            if (!string.IsNullOrEmpty(value))
                text.Append(CultureInfo.InvariantCulture, $" {name} \"{value}\"");
        }
    }

    private static string Before(long count) => count == 1 ? "it was" : "they were";

    private static string Line(long count, string what) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} {(count == 1 ? "was" : "were")} {what}");
}
