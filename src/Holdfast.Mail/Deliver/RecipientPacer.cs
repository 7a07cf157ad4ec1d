using System.Numerics;

namespace Holdfast.Mail.Deliver;

/// <summary>Keeps traffic to each mailbox, and from each sender to it, below the provider's receiving limits.</summary>
/// <remarks>
/// Promise: in any hour at most Margin × limit messages go to one mailbox and Margin × PairShare × limit from one
/// sender to it, as long as every message is counted with <see cref="TryTake"/>. Each limit is a generic cell rate
/// algorithm (ITU-T I.371): one time per key, rate (1 − BurstShare) and burst BurstShare of the hour's allowance, so
/// that burst and an hour of the rate together stay within it.
/// Bounded memory: tables of 8-way sets; where a set is full of busy keys, a new key takes over the least busy one's
/// time. So the error is on one side: keys may wait longer, never less. Not thread-safe: one owner.
/// </remarks>
internal sealed class RecipientPacer
{
    private readonly Table _mailboxes;
    private readonly Table _pairs;

    public RecipientPacer(PaceOptions options)
    {
        var mailbox = options.MailboxPerHour * options.Margin;
        var pair = mailbox * options.PairShare;
        _mailboxes = new Table(mailbox, options.BurstShare, options.EntriesMax);
        _pairs = new Table(pair, options.BurstShare, options.EntriesMax);
    }

    /// <summary>Counts one message from sender to recipient if both limits allow it now, and returns zero; else counts
    /// nothing and returns how long to wait, with up to a quarter more at random so that waiters don't return at once.
    /// </summary>
    /// <param name="now">Monotonic time, never going back.</param>
    public TimeSpan TryTake(string sender, string recipient, TimeSpan now, Random random)
    {
        var mailboxKey = Hash(recipient, 0xcbf29ce484222325);
        var pairKey = Hash(sender, mailboxKey ^ 0x9e3779b97f4a7c15);
        // Odd steps keep 0 free: it marks an empty entry.
        ref var mailbox = ref _mailboxes.Find(mailboxKey | 1, now.Ticks);
        ref var pair = ref _pairs.Find(pairKey | 1, now.Ticks);
        var wait = Math.Max(_mailboxes.WaitOf(mailbox, now.Ticks), _pairs.WaitOf(pair, now.Ticks));
        if (wait > 0)
            return new TimeSpan((long)(wait * (1 + 0.25 * random.NextDouble())));
        _mailboxes.Take(ref mailbox, now.Ticks);
        _pairs.Take(ref pair, now.Ticks);
        return TimeSpan.Zero;
    }

    /// <summary>Takes a count back: the message was never offered to the mailbox (the connection failed before RCPT).
    /// </summary>
    public void GiveBack(string sender, string recipient, TimeSpan now)
    {
        var mailboxKey = Hash(recipient, 0xcbf29ce484222325);
        var pairKey = Hash(sender, mailboxKey ^ 0x9e3779b97f4a7c15);
        _mailboxes.GiveBack(mailboxKey | 1, now.Ticks);
        _pairs.GiveBack(pairKey | 1, now.Ticks);
    }

    /// <summary>FNV-1a over the lower-cased characters, finished by a mix; mailboxes differ in case only by mistake.
    /// </summary>
    private static ulong Hash(string text, ulong seed)
    {
        var hash = seed;
        foreach (var c in text)
            hash = (hash ^ char.ToLowerInvariant(c)) * 0x100000001b3;
        hash ^= hash >> 32;
        hash *= 0xd6e8feb86659fd93;
        return hash ^ (hash >> 32);
    }

    private struct Entry
    {
        public ulong Key;
        /// <summary>Theoretical arrival time: when the key's bucket is full again.</summary>
        public long FullAt;
    }

    private sealed class Table
    {
        private const int Ways = 8;
        private readonly Entry[] _entries;
        private readonly ulong _setMask;
        private readonly long _step;
        private readonly long _tolerance;

        public Table(double perHour, double burstShare, int entriesMax)
        {
            var sets = BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, entriesMax / Ways));
            _entries = new Entry[sets * Ways];
            _setMask = sets - 1;
            var burst = Math.Max(1, Math.Floor(perHour * burstShare));
            // A window of an hour may hold the burst and what the rate adds: together no more than the allowance.
            var sustained = Math.Max(perHour - burst, perHour * 0.01);
            _step = Math.Max(1, (long)Math.Ceiling(TimeSpan.TicksPerHour / sustained));
            _tolerance = (long)((burst - 1) * _step);
        }

        /// <summary>The key's entry, or one made for it.</summary>
        public ref Entry Find(ulong key, long now)
        {
            var set = _entries.AsSpan((int)((key >> 8) & _setMask) * Ways, Ways);
            var least = 0;
            for (var i = 0; i < Ways; i++)
            {
                if (set[i].Key == key)
                    return ref set[i];
                if (set[i].FullAt < set[least].FullAt)
                    least = i;
            }
            // The least busy entry's time is kept on purpose: at or before now it means nothing, later it errs on the
            // safe side for the new key.
            set[least].Key = key;
            return ref set[least];
        }

        public long WaitOf(in Entry entry, long now) => Math.Max(0, entry.FullAt - _tolerance - now);

        public void Take(ref Entry entry, long now) => entry.FullAt = Math.Max(entry.FullAt, now) + _step;

        public void GiveBack(ulong key, long now)
        {
            var set = _entries.AsSpan((int)((key >> 8) & _setMask) * Ways, Ways);
            foreach (ref var entry in set)
            {
                if (entry.Key == key && entry.FullAt > now)
                    entry.FullAt = Math.Max(now, entry.FullAt - _step);
            }
        }
    }
}
