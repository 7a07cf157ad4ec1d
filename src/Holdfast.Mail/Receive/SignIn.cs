using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace Holdfast.Mail.Receive;

internal enum SignInOutcome : byte
{
    Accepted = 0,
    /// <summary>Name and password don't fit together: 535 5.7.8.</summary>
    Wrong = 1,
    /// <summary>Too many failures lately: 454 4.7.0, not even looked at.</summary>
    Throttled = 2,
    /// <summary>We can't say now (no users loaded, too many at once): 454 4.7.0.</summary>
    Unavailable = 3,
}

/// <summary>Checks names and passwords of those who sign in.</summary>
/// <remarks>
/// Hashing is made to be slow, so it runs off the sessions' threads, a bounded number at once and a bounded number
/// waiting. An unknown name costs the same work as a known one. Failures are counted by address (IPv6 by /64) and by
/// user; an address from which the user signed in lately isn't held up by others' failures. A password that was right
/// is remembered for a while as a keyed digest in memory, so that a client which signs in for every message doesn't
/// cost a hash each time.
/// </remarks>
internal sealed class SignIn(TimeProvider time) : IDisposable
{
    private const int WaitingMax = 64;
    private const int RememberedMax = 10_000;
    private static readonly TimeSpan RememberFor = TimeSpan.FromMinutes(10);

    private readonly SemaphoreSlim _hashing = new(Math.Max(1, Environment.ProcessorCount / 2));
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    // Made once, at the first unknown name, with the same cost as real ones.
    private readonly Lazy<string> _nobody = new(() => PasswordHash.Create("nobody signs in with this"));
    private readonly Lock _gate = new();
    private readonly Dictionary<(string User, UInt128 Address), Remembered> _remembered = [];
    private readonly FailureCounts<UInt128> _byAddress = new(EqualityComparer<UInt128>.Default);
    private readonly FailureCounts<string> _byUser = new(StringComparer.OrdinalIgnoreCase);
    private int _waiting;

    private readonly record struct Remembered(byte[] Digest, string Hash, TimeSpan Until);

    public async ValueTask<(SignInOutcome Outcome, MailUser? User)> VerifyAsync(UserList? users, string name,
        string password, IPAddress address, int failuresMax, TimeSpan window, CancellationToken abort)
    {
        if (users is null)
            return (SignInOutcome.Unavailable, null);
        var now = time.GetElapsedTime(0);
        var place = AddressKey.Of(address);
        var user = users.Find(name);
        var key = (user?.Name ?? name, place);
        byte[]? digest = null;
        lock (_gate)
        {
            if (_byAddress.IsOver(place, failuresMax, window, now))
                return (SignInOutcome.Throttled, null);
            if (user is not null && _remembered.TryGetValue(key, out var known) && known.Until > now
                && known.Hash == user.Hash)
            {
                digest = Digest(name, password);
                if (CryptographicOperations.FixedTimeEquals(digest, known.Digest))
                    return (SignInOutcome.Accepted, user);
            }
            else if (_byUser.IsOver(name, failuresMax, window, now))
            {
                return (SignInOutcome.Throttled, null);
            }
        }
        if (password.Length > PasswordHash.PasswordLengthMax)
            return Failed(name, place, window);
        if (Interlocked.Increment(ref _waiting) > WaitingMax)
        {
            Interlocked.Decrement(ref _waiting);
            return (SignInOutcome.Unavailable, null);
        }
        bool fits;
        try
        {
            await _hashing.WaitAsync(abort).ConfigureAwait(false);
            try
            {
                fits = await Task.Run(() => PasswordHash.Verify(user?.Hash ?? _nobody.Value, password), abort)
                    .ConfigureAwait(false) && user is not null;
            }
            finally
            {
                _hashing.Release();
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
        if (!fits)
            return Failed(name, place, window);
        lock (_gate)
        {
            if (_remembered.Count >= RememberedMax)
                _remembered.Clear();
            _remembered[key] = new Remembered(digest ?? Digest(name, password), user!.Hash,
                time.GetElapsedTime(0) + RememberFor);
        }
        return (SignInOutcome.Accepted, user);
    }

    public void Dispose() => _hashing.Dispose();

    private (SignInOutcome, MailUser?) Failed(string name, UInt128 place, TimeSpan window)
    {
        var now = time.GetElapsedTime(0);
        lock (_gate)
        {
            _byAddress.Count(place, window, now);
            _byUser.Count(name, window, now);
        }
        return (SignInOutcome.Wrong, null);
    }

    private byte[] Digest(string name, string password) =>
        HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes($"{name}\0{password}"));
}

/// <summary>Failures by key in a window that starts with the first one. Bounded: when full, ended windows are dropped,
/// and if that isn't enough, all.</summary>
internal sealed class FailureCounts<TKey>(IEqualityComparer<TKey> comparer)
    where TKey : notnull
{
    public const int KeysMax = 50_000;
    private readonly Dictionary<TKey, (int Count, TimeSpan Since)> _counts = new(comparer);

    public bool IsOver(TKey key, int max, TimeSpan window, TimeSpan now) =>
        _counts.TryGetValue(key, out var entry) && now - entry.Since < window && entry.Count >= max;

    public void Count(TKey key, TimeSpan window, TimeSpan now)
    {
        if (_counts.TryGetValue(key, out var entry) && now - entry.Since < window)
        {
            _counts[key] = (entry.Count + 1, entry.Since);
            return;
        }
        if (_counts.Count >= KeysMax)
        {
            foreach (var (old, value) in _counts)
            {
                if (now - value.Since >= window)
                    _counts.Remove(old);
            }
            if (_counts.Count >= KeysMax)
                _counts.Clear();
        }
        _counts[key] = (1, now);
    }
}
