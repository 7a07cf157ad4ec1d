using System.Collections.Concurrent;
using Holdfast.Mail.Route;
using Holdfast.Mail.Smtp;
using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;
using Holdfast.Traffic;

namespace Holdfast.Mail.Deliver;

/// <summary>What the parts of delivery share.</summary>
internal sealed class DeliveryContext
{
    private readonly Lock _randomGate = new();
    private readonly Random _random;
    private DeliverySnapshot _snapshot;

    public DeliveryContext(DeliverySnapshot snapshot, Random random)
    {
        _snapshot = snapshot;
        _random = random;
    }

    public required IMailSpool Spool { get; init; }
    public required DeliveryPlacements Placements { get; init; }
    /// <summary>For pictures of it; what happens to messages goes through <see cref="Placements"/>.</summary>
    public required ITrafficBoard Board { get; init; }
    public required IEvidenceJournal Journal { get; init; }
    public required DeliveryScheduler Scheduler { get; init; }
    public required DeliveryPlanner Planner { get; init; }
    public required IMxResolver MxResolver { get; init; }
    public required IMxTlsPolicy MxTls { get; init; }
    public required IHostResolver HostResolver { get; init; }
    public required ITargetDialer Dialer { get; init; }
    public required TimeProvider Time { get; init; }
    public required DeliverMetrics Metrics { get; init; }
    public required int MxPort { get; init; }
    /// <summary>Set at the drain's deadline: what waits for the disk gives up, and its messages stay waiting.</summary>
    public CancellationToken BrokenOff { get; init; }
    public ConnectionWatch Watch { get; } = new();
    public ConnectionCache Cache { get; } = new();
    private readonly ConcurrentDictionary<int, ServerOffers> _offers = new();
    private readonly ConcurrentDictionary<int, ReplyTimes> _replyTimes = new();

    /// <summary>What each target has ever offered by EHLO, by its id. Absent: it never answered EHLO.</summary>
    public ConcurrentDictionary<int, ServerOffers> EverOffered { get; } = new();

    /// <summary>Notes what a target offers now. An answer to HELO only says nothing about what it can do.</summary>
    public void NoteOffers(int target, ServerOffers offers)
    {
        if (_offers.TryGetValue(target, out var known) && ReferenceEquals(known, offers))
            return;
        _offers[target] = offers;
        if (!ReferenceEquals(offers, ServerOffers.None))
            EverOffered.AddOrUpdate(target, offers, (_, before) => before.Union(offers));
    }

    /// <summary>How long a target usually takes, by its id.</summary>
    public ReplyTimes ReplyTimesOf(int target) => _replyTimes.GetOrAdd(target, static _ => new ReplyTimes());

    public DeliverySnapshot Snapshot
    {
        get => Volatile.Read(ref _snapshot);
        set => Volatile.Write(ref _snapshot, value);
    }

    public TimeSpan Now => Time.GetElapsedTime(0);

    public TimeSpan NextDelay(in ReplyClassification failure, int attempts)
    {
        lock (_randomGate)
            return Snapshot.Retry.NextDelay(failure, attempts, _random);
    }

    /// <summary>Ends a connection politely.</summary>
    public ValueTask CloseAsync(TargetConnection connection)
    {
        Metrics.Closed();
        if (connection.Unasked == Unread.Octets)
            Metrics.Unasked();
        return connection.QuitAsync(CancellationToken.None);
    }

    public TimeSpan Pace(string sender, string recipient)
    {
        lock (_randomGate)
            return Snapshot.Pacer.TryTake(sender, recipient, Now, _random);
    }

    public void GiveBack(string sender, string recipient)
    {
        lock (_randomGate)
            Snapshot.Pacer.GiveBack(sender, recipient, Now);
    }
}
