using Holdfast.Mail.Spool;

namespace Holdfast.Mail.Queue;

/// <summary>Walks waiting messages by age with bounded memory.</summary>
/// <remarks>The spool's table is in no order, and sorting a million messages to show fifty would take tens of
/// megabytes. So each walk of the table keeps the oldest <see cref="ChunkMax"/> beyond the last one given: a list of
/// fifty is one walk, a full pass over a million some sixty, each a fraction of a second.</remarks>
internal static class OldestFirst
{
    internal const int ChunkMax = 16_384;

    public static IEnumerable<WaitingMessage> Walk(IMailSpool spool, MessageSelection selection,
        int chunkMax = ChunkMax)
    {
        MessageId? last = null;
        while (true)
        {
            // Twice the chunk, cut in half whenever full: cheaper than a heap, and as bounded.
            var kept = new List<WaitingMessage>(Math.Min(2 * chunkMax, 1024));
            var bound = default(MessageId?);
            var cut = false;
            foreach (var message in spool.Enumerate())
            {
                if ((last is { } l && message.Id <= l) || (bound is { } b && message.Id >= b)
                    || !selection.MayMatch(message))
                    continue;
                kept.Add(message);
                if (kept.Count < 2 * chunkMax)
                    continue;
                Cut(kept, chunkMax);
                bound = kept[^1].Id;
                cut = true;
            }
            kept.Sort(static (x, y) => x.Id.CompareTo(y.Id));
            if (kept.Count > chunkMax)
            {
                Cut(kept, chunkMax);
                cut = true;
            }
            foreach (var message in kept)
                yield return message;
            if (!cut)
                yield break;
            last = kept[^1].Id;
        }
    }

    private static void Cut(List<WaitingMessage> kept, int chunkMax)
    {
        kept.Sort(static (x, y) => x.Id.CompareTo(y.Id));
        kept.RemoveRange(chunkMax, kept.Count - chunkMax);
    }
}
