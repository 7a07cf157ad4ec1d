namespace Holdfast.Mail.Canaries;

/// <summary>What became of a canary.</summary>
internal enum CanaryFate : byte
{
    Passed = 0,
    /// <summary>It didn't come back in time.</summary>
    Lost = 1,
    /// <summary>The site wouldn't take it, or sent it back.</summary>
    Refused = 2,
    /// <summary>It says nothing of the site: we were at fault, or the mailbox was.</summary>
    Void = 3,
}

internal readonly record struct CanaryEnd(CanaryFate Fate, TimeSpan Latency);

/// <summary>A probe's canaries under way, and how long they usually take.</summary>
/// <remarks>
/// Promise: every canary ends once. It is lost after max(10 s, 3 × p99 of those that came back), and after
/// <c>DeadlineMax</c> while fewer than five have: a site that always takes long isn't closed for it.
/// What comes back later than that is told to nobody. Not thread-safe.
/// </remarks>
internal sealed class CanaryLedger
{
    public const int WaitingMax = 16;
    private const int KnownMin = 5;
    private const int HistoryMax = 200;
    private static readonly TimeSpan s_deadlineMin = TimeSpan.FromSeconds(10);
    private readonly Dictionary<string, (TimeSpan SentAt, TimeSpan DueAt)> _waiting = [];
    private readonly double[] _history = new double[HistoryMax];
    private readonly double[] _sorted = new double[HistoryMax];
    private int _count;

    public int Waiting => _waiting.Count;

    /// <summary>How long a canary sent now may take.</summary>
    public TimeSpan Deadline(TimeSpan most)
    {
        if (_count < KnownMin)
            return most;
        var n = Math.Min(_count, HistoryMax);
        Array.Copy(_history, _sorted, n);
        Array.Sort(_sorted, 0, n);
        var usual = TimeSpan.FromSeconds(3 * _sorted[Math.Min(n - 1, (int)(0.99 * n))]);
        var deadline = usual > s_deadlineMin ? usual : s_deadlineMin;
        return deadline < most ? deadline : most;
    }

    /// <summary>False: too many wait already.</summary>
    public bool TrySend(string token, TimeSpan most, TimeSpan now)
    {
        if (_waiting.Count >= WaitingMax)
            return false;
        _waiting.Add(token, (now, now + Deadline(most)));
        return true;
    }

    /// <summary>Null: it isn't one that waits.</summary>
    public CanaryEnd? Arrived(string token, bool isBounce, TimeSpan now)
    {
        if (!_waiting.Remove(token, out var sent))
            return null;
        var latency = now - sent.SentAt;
        if (isBounce)
            return new CanaryEnd(CanaryFate.Refused, latency);
        // It lay there in time, and we came to look later.
        _history[_count % HistoryMax] = latency.TotalSeconds;
        _count = _count == int.MaxValue ? HistoryMax : _count + 1;
        return new CanaryEnd(CanaryFate.Passed, latency);
    }

    /// <summary>It wasn't taken, or we couldn't send it. Null: it isn't one that waits.</summary>
    public CanaryEnd? NotSent(string token, bool isSitesFault, TimeSpan now) =>
        _waiting.Remove(token, out var sent)
            ? new CanaryEnd(isSitesFault ? CanaryFate.Refused : CanaryFate.Void, now - sent.SentAt) : null;

    /// <summary>Ends what is overdue.</summary>
    /// <param name="lookedAt">When the place where they come back was last seen to work; what was due after that isn't
    /// lost yet.</param>
    /// <param name="graceMax">So long after its time a canary that nobody could look for says nothing.</param>
    public void Expire(TimeSpan lookedAt, TimeSpan graceMax, TimeSpan now, List<CanaryEnd> ended)
    {
        List<string>? gone = null;
        foreach (var (token, sent) in _waiting)
        {
            if (now < sent.DueAt)
                continue;
            if (lookedAt >= sent.DueAt)
                ended.Add(new CanaryEnd(CanaryFate.Lost, now - sent.SentAt));
            else if (now - sent.DueAt > graceMax)
                ended.Add(new CanaryEnd(CanaryFate.Void, now - sent.SentAt));
            else
                continue;
            (gone ??= []).Add(token);
        }
        foreach (var token in gone ?? [])
            _waiting.Remove(token);
    }

    /// <summary>Our own pause: nothing under way proves anything.</summary>
    public int VoidAll()
    {
        var count = _waiting.Count;
        _waiting.Clear();
        return count;
    }
}
