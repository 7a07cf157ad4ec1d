namespace Holdfast.Web.Forward;

/// <summary>Requests that are under way: looked through every control tick, so that none needs a timer of its own.
/// </summary>
/// <remarks>
/// At each tick: who is past its deadline is ended; who waits at a target that was closed meanwhile, or that owes the
/// answer for longer than ever, is moved, if it may be repeated and there is a place; an answer that goes on for long
/// gives its place back, since it tells nothing more about how much the target can take at once. Kept in shards, so
/// that connections don't wait for each other.
/// </remarks>
internal sealed class UnderWay
{
    private const int Shards = 16;
    /// <summary>An answer's body that takes longer is a stream.</summary>
    private static readonly TimeSpan s_holdMax = TimeSpan.FromSeconds(5);
    /// <summary>Nobody is moved sooner: the engine's own floor for an overdue answer is a second.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(0.5);
    private readonly Shard[] _shards = [.. Enumerable.Range(0, Shards).Select(_ => new Shard())];

    public int Count => _shards.Sum(s => s.Count);

    public void Add(ForwardedRequest request)
    {
        // Kept with it: a request that moves has another placement, and is still where it was put.
        request.Shard = (request.Placement.Ticket & int.MaxValue) % Shards;
        _shards[request.Shard].Add(request);
    }

    public void Remove(ForwardedRequest request) => _shards[request.Shard].Remove(request);

    public void Sweep(TimeSpan now)
    {
        List<(ForwardedRequest Request, AttemptEnd? End)>? due = null;
        foreach (var shard in _shards)
        {
            lock (shard)
            {
                for (var request = shard.First; request is not null; request = request.Next)
                {
                    if (request.AnsweredAt > TimeSpan.Zero)
                    {
                        if (now - request.AnsweredAt > s_holdMax)
                            (due ??= []).Add((request, null));
                    }
                    else if (now > request.Kind.Deadline)
                    {
                        (due ??= []).Add((request, AttemptEnd.Deadline));
                    }
                    else if (now - request.SentAt > s_patience || request.Streamed is { IsSlow: true })
                    {
                        (due ??= []).Add((request, AttemptEnd.Moved));
                    }
                }
            }
        }
        // Outside the locks: what waits for these goes on at once, on this thread.
        foreach (var (request, end) in due ?? [])
        {
            if (end is AttemptEnd.Moved)
                request.TryMove(now);
            else if (end is { } why)
                request.Stop(why);
            else
                request.Release(delivered: true);
        }
    }

    private sealed class Shard
    {
        public ForwardedRequest? First;
        public int Count;

        public void Add(ForwardedRequest request)
        {
            lock (this)
            {
                request.Next = First;
                if (First is not null)
                    First.Previous = request;
                First = request;
                Count++;
            }
        }

        public void Remove(ForwardedRequest request)
        {
            lock (this)
            {
                if (request.Previous is not null)
                    request.Previous.Next = request.Next;
                else if (First == request)
                    First = request.Next;
                else
                    return;
                if (request.Next is not null)
                    request.Next.Previous = request.Previous;
                request.Next = request.Previous = null;
                Count--;
            }
        }
    }
}
