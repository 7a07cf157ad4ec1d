using Holdfast.Mail.Deliver;
using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;
using Holdfast.Traffic.Targets;

namespace Holdfast.Mail.Queue;

/// <summary>A selector made ready for one question: what can be decided in memory, and what needs the envelope.
/// </summary>
/// <remarks>Age counts from acceptance, which is in the id. Messages accepted after the question began aren't meant: an
/// act must not run after the notices that it makes. For a while after a start the schedule doesn't know where messages
/// go: those are read, so that a service selects what it would a minute later.</remarks>
internal sealed class MessageSelection
{
    private readonly QueueSelector _selector;
    private readonly DateTimeOffset _now;
    private readonly MessageId _until;
    private readonly MessageId? _after;
    private readonly HashSet<MessageId>? _ids;
    private readonly string? _service;
    private readonly string? _site;
    private readonly IWaitingMail _waiting;
    private readonly RouteTable _rules;
    private readonly bool _needsEnvelope;

    public MessageSelection(QueueSelector selector, Topology topology, RouteTable rules, IWaitingMail waiting,
        DateTimeOffset now)
    {
        _rules = rules;
        _selector = selector;
        _waiting = waiting;
        _now = now;
        _until = MessageId.Create(now, ushort.MaxValue, ulong.MaxValue);
        _after = MessageId.TryParse(selector.After, out var after) ? after : null;
        if (selector.Ids.Count > 0)
            _ids = [.. selector.Ids.Select(i => MessageId.TryParse(i, out var id) ? id : (MessageId?)null)
                .OfType<MessageId>()];
        if (selector.Destination is { Length: > 0 } destination)
        {
            _service = topology.TryFindService(destination, out _) ? destination : null;
            _site = topology.Sites.FirstOrDefault(s => Same(s.Name, destination))?.Name;
        }
        SelectsNothing = !selector.All && selector.Ids.Count == 0 && IsEmpty(selector.Sender)
            && selector.Recipient is null or "" && IsEmpty(selector.Destination) && selector.OlderThan is null
            && selector.YoungerThan is null && IsEmpty(selector.Reason) && selector.IsHeld is null;
        _needsEnvelope = !IsEmpty(selector.Sender) || !IsEmpty(selector.Recipient) || !IsEmpty(selector.Reason)
            || (!IsEmpty(selector.Destination) && _service is null);
    }

    /// <summary>True for a selector without any condition.</summary>
    public bool SelectsNothing { get; }

    /// <summary>Ids that are named, when the selector names any: they are looked up instead of walking the spool.
    /// </summary>
    public IReadOnlyCollection<MessageId>? Ids => _ids;

    /// <summary>True when <see cref="Matches(SpooledMessage)"/> must be asked too.</summary>
    public bool NeedsEnvelope(in WaitingMessage message) => _needsEnvelope
        || (_service is { } service && !GoesTo(_waiting.Find(message.Handle), service));

    /// <summary>What can be told without the disk; false: certainly not meant.</summary>
    public bool MayMatch(in WaitingMessage message)
    {
        if (message.Id > _until || (_after is { } after && message.Id <= after))
            return false;
        if (_ids is not null && !_ids.Contains(message.Id))
            return false;
        var age = _now - message.Id.Time;
        if (_selector.OlderThan is { } older && age < older)
            return false;
        if (_selector.YoungerThan is { } younger && age > younger)
            return false;
        if (_selector.IsHeld is { } held && held != message.IsHeld)
            return false;
        if (_service is not { } service)
            return true;
        var views = _waiting.Find(message.Handle);
        return GoesTo(views, service) || !views.All(v => v.IsRouted);
    }

    public bool Matches(SpooledMessage message)
    {
        if (!IsEmpty(_selector.Sender) && !MatchesSender(message.Envelope.Sender))
            return false;
        if (!IsEmpty(_selector.Recipient) && !AnyWaiting(message, MatchesRecipient))
            return false;
        if (!IsEmpty(_selector.Destination)
            && !(_service is { } service && GoesTo(_waiting.Find(message.Handle), service))
            && !AnyWaiting(message, MatchesDestination))
            return false;
        return IsEmpty(_selector.Reason) || Contains(message.Progress.HoldReason, _selector.Reason!)
            || AnyWaiting(message, (_, progress) => Contains(progress.LastReply, _selector.Reason!));
    }

    private bool MatchesSender(string sender) =>
        _selector.Sender == "<>" ? sender.Length == 0 : new WildcardPattern(_selector.Sender!).Matches(sender);

    private bool MatchesRecipient(EnvelopeRecipient recipient, RecipientProgress progress) =>
        new WildcardPattern(_selector.Recipient!).Matches(recipient.Address);

    private bool MatchesDestination(EnvelopeRecipient recipient, RecipientProgress progress)
    {
        if (_service is not null)
            return Same(DeliveryPlanner.Decide(_rules, recipient).Destination, _service);
        if (_site is not null && progress.LastTarget is { } last
            && last.StartsWith(_site, StringComparison.OrdinalIgnoreCase)
            && (last.Length == _site.Length || last[_site.Length] == '/'))
            return true;
        var at = recipient.Address.LastIndexOf('@');
        return new WildcardPattern(_selector.Destination!).Matches(recipient.Address.AsSpan(at + 1));
    }

    private static bool AnyWaiting(SpooledMessage message, Func<EnvelopeRecipient, RecipientProgress, bool> matches)
    {
        for (var i = 0; i < message.Progress.Recipients.Length; i++)
        {
            if (!message.Progress.Recipients[i].IsFinal
                && matches(message.Envelope.Recipients[i], message.Progress.Recipients[i]))
                return true;
        }
        return false;
    }

    private static bool GoesTo(IReadOnlyList<EntryView> views, string service)
    {
        foreach (var view in views)
        {
            if (Same(view.Destination, service))
                return true;
        }
        return false;
    }

    private static bool IsEmpty(string? text) => string.IsNullOrEmpty(text);

    private static bool Contains(string? text, string part) =>
        text is not null && text.Contains(part, StringComparison.OrdinalIgnoreCase);

    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
}
