using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;
using Holdfast.Traffic;

namespace Holdfast.Mail.Deliver;

/// <summary>Reads from a message's progress what the scheduler must know: which routes, when, how often
/// tried.</summary>
internal sealed class DeliveryPlanner(DeliveryScheduler scheduler, ITrafficBoard board, TimeProvider time)
{
    private const int TenantBuckets = 1024;

    /// <summary>What the attempt that just ended asks for its own route.</summary>
    internal readonly record struct Wish(DeliveryRoute Route, int Avoid, int Moves);

    public static string DomainOf(string address)
    {
        var at = address.LastIndexOf('@');
        return at < 0 ? "" : address[(at + 1)..];
    }

    public static RouteDecision Decide(RouteTable rules, EnvelopeRecipient recipient) =>
        rules.Decide(DomainOf(recipient.Address));

    /// <summary>Plans every recipient that waits and gives the message back to the scheduler; when none waits, the
    /// message has ended.</summary>
    public void Hand(SpooledMessage message, DeliverySnapshot snapshot, Wish? wish = null, bool force = false)
    {
        var now = time.GetElapsedTime(0);
        if (message.Progress.IsFinal)
        {
            scheduler.Ended(message.Handle);
            return;
        }
        var wall = time.GetUtcNow();
        var recipients = message.Progress.Recipients;
        if (recipients.Length == 1)
        {
            var only = Entry(message, 0, snapshot, wall, wish);
            scheduler.Plan(message.Handle, [only], message.Progress.IsHeld, message.Progress, now, force,
                snapshot.Rules);
            return;
        }
        var plan = new List<PlannedEntry>(4);
        for (var i = 0; i < recipients.Length; i++)
        {
            if (recipients[i].IsFinal)
                continue;
            var entry = Entry(message, i, snapshot, wall, wish);
            var at = plan.FindIndex(p => p.Route == entry.Route);
            if (at < 0)
                plan.Add(entry);
            else
                plan[at] = Merge(plan[at], entry);
        }
        scheduler.Plan(message.Handle, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(plan),
            message.Progress.IsHeld, message.Progress, now, force, snapshot.Rules);
    }

    private PlannedEntry Entry(SpooledMessage message, int index, DeliverySnapshot snapshot, DateTimeOffset wall,
        Wish? wish)
    {
        var progress = message.Progress.Recipients[index];
        var route = scheduler.RouteFor(Decide(snapshot.Rules, message.Envelope.Recipients[index]));
        var mine = wish is { } w && w.Route == route ? wish : null;
        // Found at a start: how its destination is now nobody knows, and if it still fails it waits again.
        var forPlace = progress.WaitsForPlace && mine is not null;
        var delay = progress.NextAttemptAt is { } next && next > wall && (forPlace || !progress.WaitsForPlace)
            ? next - wall : TimeSpan.Zero;
        // No retry waits longer: the wall clock was set back, and the mail must not wait until it catches up.
        if (delay > snapshot.Retry.LongestWait)
            delay = snapshot.Retry.LongestWait;
        var unknown = progress.State == RecipientState.OutcomeUnknown;
        return new PlannedEntry(route, delay, progress.Attempts, mine is not null && delay == TimeSpan.Zero,
            wall - message.Envelope.ReceivedAt > snapshot.Options.FreshFor, unknown,
            unknown ? SiteOf(progress.LastTarget) : -1, mine?.Avoid ?? -1, mine?.Moves ?? 0,
            TenantOf(message.Envelope.Tenant), forPlace ? delay : TimeSpan.Zero);
    }

    /// <summary>Bucket of a tenant: fair turns are taken by bucket.</summary>
    private static ushort TenantOf(string tenant)
    {
        var hash = 2166136261u;
        foreach (var c in tenant)
            hash = (hash ^ c) * 16777619u;
        return (ushort)((hash ^ (hash >> 16)) & (TenantBuckets - 1));
    }

    private static PlannedEntry Merge(in PlannedEntry a, in PlannedEntry b) => a with
    {
        Delay = a.Delay < b.Delay ? a.Delay : b.Delay,
        Attempts = Math.Max(a.Attempts, b.Attempts),
        OutcomeUnknown = a.OutcomeUnknown || b.OutcomeUnknown,
        Prefer = a.Prefer >= 0 ? a.Prefer : b.Prefer,
        PlaceDelay = a.PlaceDelay > b.PlaceDelay ? a.PlaceDelay : b.PlaceDelay,
    };

    /// <summary>Site of "site/target" in the present topology, or -1.</summary>
    private int SiteOf(string? lastTarget)
    {
        var slash = lastTarget?.IndexOf('/', StringComparison.Ordinal) ?? -1;
        if (slash <= 0)
            return -1;
        foreach (var site in board.Topology.Sites)
        {
            if (lastTarget!.AsSpan(0, slash).Equals(site.Name, StringComparison.OrdinalIgnoreCase))
                return site.Id.Value;
        }
        return -1;
    }
}
