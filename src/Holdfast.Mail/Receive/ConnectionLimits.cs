using System.Net;

namespace Holdfast.Mail.Receive;

/// <summary>Counts connections, in all and by client address.</summary>
internal sealed class ConnectionLimits
{
    private readonly Lock _gate = new();
    private readonly Dictionary<UInt128, int> _byAddress = [];
    private int _total;

    public int Total => Volatile.Read(ref _total);

    /// <summary>Counts a connection in all; false when that would be more than <paramref name="max"/>.</summary>
    public bool TryEnter(int max)
    {
        if (Interlocked.Increment(ref _total) <= max)
            return true;
        Interlocked.Decrement(ref _total);
        return false;
    }

    public void Leave() => Interlocked.Decrement(ref _total);

    /// <summary>Counts a connection of the address; false when that would be more than <paramref name="max"/>.
    /// </summary>
    public bool TryEnter(IPAddress address, int max)
    {
        var key = AddressKey.Of(address);
        lock (_gate)
        {
            var count = _byAddress.GetValueOrDefault(key);
            if (count >= max)
                return false;
            _byAddress[key] = count + 1;
            return true;
        }
    }

    public void Leave(IPAddress address)
    {
        var key = AddressKey.Of(address);
        lock (_gate)
        {
            if (!_byAddress.TryGetValue(key, out var count))
                return;
            if (count <= 1)
                _byAddress.Remove(key);
            else
                _byAddress[key] = count - 1;
        }
    }
}
