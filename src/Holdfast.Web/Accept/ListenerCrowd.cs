using System.Buffers.Binary;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace Holdfast.Web.Accept;

/// <summary>What the crowd is kept to.</summary>
/// <param name="Max">Connections at once, over all listeners.</param>
/// <param name="PerAddressMax">Connections at once from one address.</param>
/// <param name="Proxies">Those whom the second bound isn't for.</param>
internal sealed record CrowdBounds(int Max, int PerAddressMax, ProxyTrust Proxies)
{
    public static CrowdBounds Of(AcceptOptions options) =>
        new(options.ConnectionsMax, options.ConnectionsPerAddressMax, new ProxyTrust(options.TrustedProxies));
}

/// <summary>Counts the connections of all listeners, in all and by address, and closes what is beyond the bounds.
/// </summary>
/// <remarks>Kestrel's own bound is for one server, and closes without a word. A refused connection is counted, and told
/// in the log at most once in ten seconds, with how many there were: whoever floods must not flood the log. A
/// connection counts until its socket is closed, whatever Kestrel makes of it: of those that it cuts off in a flood of
/// resets it never lets some go (dotnet/aspnetcore#51307), and they would take all places in time.</remarks>
internal sealed partial class ListenerCrowd(WebMetrics metrics, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(10);
    private readonly Lock _gate = new();
    private readonly Dictionary<UInt128, int> _byAddress = [];
    private int _count;
    private int _refusedCount;
    private long? _toldAt;

    public CrowdBounds Bounds
    {
        get => Volatile.Read(ref field);
        set => Volatile.Write(ref field, value);
    } = new(0, 0, ProxyTrust.Nobody);

    public int Count => Volatile.Read(ref _count);

    /// <param name="next">What serves a connection.</param>
    /// <param name="sockets">Counts those of one listener.</param>
    public ConnectionDelegate Limit(ConnectionDelegate next, OpenSockets sockets) => connection =>
        RunAsync(connection, static (c, n) => ((ConnectionDelegate)n)((ConnectionContext)c), next, sockets);

    /// <inheritdoc cref="Limit(ConnectionDelegate, OpenSockets)"/>
    public MultiplexedConnectionDelegate Limit(MultiplexedConnectionDelegate next, OpenSockets sockets) =>
        connection => RunAsync(connection, static (c, n) =>
            ((MultiplexedConnectionDelegate)n)((MultiplexedConnectionContext)c), next, sockets);

    /// <summary>Counts a connection; else says which bound it would break, as <c>error.type</c>.</summary>
    /// <param name="address">Null: not known; counted in all alone.</param>
    public string? Enter(IPAddress? address)
    {
        var bounds = Bounds;
        lock (_gate)
        {
            if (_count >= bounds.Max)
                return "connections";
            if (address is not null)
            {
                var key = KeyOf(address);
                var held = _byAddress.GetValueOrDefault(key);
                if (held >= bounds.PerAddressMax && !bounds.Proxies.Trusts(address))
                    return "address";
                _byAddress[key] = held + 1;
            }
            _count++;
            return null;
        }
    }

    public void Leave(IPAddress? address)
    {
        lock (_gate)
        {
            _count--;
            if (address is null)
                return;
            var key = KeyOf(address);
            if (--_byAddress[key] == 0)
                _byAddress.Remove(key);
        }
    }

    private async Task RunAsync(BaseConnectionContext connection, Func<BaseConnectionContext, object, Task> run,
        object next, OpenSockets sockets)
    {
        var address = (connection.RemoteEndPoint as IPEndPoint)?.Address;
        if (Enter(address) is { } reason)
        {
            Refuse(reason);
            connection.Abort(new ConnectionAbortedException("There are too many connections."));
            return;
        }
        var place = new Place(this, address, sockets);
        await using var closes = connection.ConnectionClosed
            .UnsafeRegister(static p => ((Place)p!).Leave(), place).ConfigureAwait(false);
        try
        {
            await run(connection, next).ConfigureAwait(false);
        }
        finally
        {
            place.Leave();
        }
    }

    /// <summary>Taken by one connection, given back once.</summary>
    private sealed class Place
    {
        private readonly ListenerCrowd _crowd;
        private readonly IPAddress? _address;
        private readonly OpenSockets _sockets;
        private int _hasLeft;

        public Place(ListenerCrowd crowd, IPAddress? address, OpenSockets sockets)
        {
            (_crowd, _address, _sockets) = (crowd, address, sockets);
            sockets.Add(1);
        }

        public void Leave()
        {
            if (Interlocked.Exchange(ref _hasLeft, 1) != 0)
                return;
            _crowd.Leave(_address);
            _sockets.Add(-1);
        }
    }

    private void Refuse(string reason)
    {
        metrics.ConnectionRefused(reason);
        int refused;
        lock (_gate)
        {
            _refusedCount++;
            if (_toldAt is { } told && time.GetElapsedTime(told) < s_quiet)
                return;
            _toldAt = time.GetTimestamp();
            (refused, _refusedCount) = (_refusedCount, 0);
        }
        Refused(refused, reason == "address" ? "ConnectionsPerAddressMax" : "ConnectionsMax", Count);
    }

    /// <summary>An IPv4 address, or an IPv6 /64: a customer of an access provider commonly has one whole.</summary>
    private static UInt128 KeyOf(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        address.TryWriteBytes(bytes, out var length);
        // What an IPv4 address fills is above the half that a /64 leaves out, behind a prefix that no /64 has.
        return length == 4 ? UInt128.MaxValue << 32 | BinaryPrimitives.ReadUInt32BigEndian(bytes)
            : BinaryPrimitives.ReadUInt128BigEndian(bytes) & ((UInt128)ulong.MaxValue << 64);
    }

    [LoggerMessage(EventId = 4010, Level = LogLevel.Warning,
        Message = "Closed {Refused} new connections since the last word: {Bound} is reached ({Count} are open)")]
    private partial void Refused(int refused, string bound, int count);
}

/// <summary>How many sockets of clients a listener has open.</summary>
internal sealed class OpenSockets
{
    private int _count;

    public int Count => Volatile.Read(ref _count);

    public void Add(int change) => Interlocked.Add(ref _count, change);
}
