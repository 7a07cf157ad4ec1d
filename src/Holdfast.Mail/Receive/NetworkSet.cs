using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace Holdfast.Mail.Receive;

/// <summary>A list of networks in CIDR form; IPv4-mapped addresses count as IPv4.</summary>
internal sealed class NetworkSet
{
    private readonly (UInt128 Network, UInt128 Mask)[] _v6;
    private readonly (uint Network, uint Mask)[] _v4;

    private NetworkSet((uint, uint)[] v4, (UInt128, UInt128)[] v6)
    {
        _v4 = v4;
        _v6 = v6;
    }

    public static NetworkSet Empty { get; } = new([], []);

    public bool IsEmpty => _v4.Length == 0 && _v6.Length == 0;

    public bool Contains(IPAddress? address)
    {
        if (address is null || IsEmpty)
            return false;
        Span<byte> bytes = stackalloc byte[16];
        if (!address.TryWriteBytes(bytes, out var length))
            return false;
        if (length == 16 && address.IsIPv4MappedToIPv6)
        {
            bytes = bytes[12..];
            length = 4;
        }
        if (length == 4)
        {
            var value = BinaryPrimitives.ReadUInt32BigEndian(bytes);
            foreach (var (network, mask) in _v4)
            {
                if ((value & mask) == network)
                    return true;
            }
            return false;
        }
        var wide = BinaryPrimitives.ReadUInt128BigEndian(bytes);
        foreach (var (network, mask) in _v6)
        {
            if ((wide & mask) == network)
                return true;
        }
        return false;
    }

    /// <summary>Reads the entries; an address without a prefix length means that address alone. A prefix with host bits
    /// set is refused, since it is usually a slip.</summary>
    public static bool TryParse(IReadOnlyList<string> entries, [NotNullWhen(true)] out NetworkSet? set,
        [NotNullWhen(false)] out string? fault)
    {
        set = null;
        fault = null;
        var v4 = new List<(uint, uint)>();
        var v6 = new List<(UInt128, UInt128)>();
        foreach (var entry in entries)
        {
            if (!TryParseOne(entry, v4, v6))
            {
                fault = $"'{entry}' is not a network: write it as 192.0.2.0/24, 2001:db8::/32 or a single address, " +
                    "without bits beyond the prefix length.";
                return false;
            }
        }
        set = new NetworkSet([.. v4], [.. v6]);
        return true;
    }

    /// <summary>For entries that validation has passed.</summary>
    public static NetworkSet Parse(IReadOnlyList<string> entries) =>
        TryParse(entries, out var set, out var fault) ? set : throw new FormatException(fault);

    private static bool TryParseOne(string? entry, List<(uint, uint)> v4, List<(UInt128, UInt128)> v6)
    {
        if (string.IsNullOrWhiteSpace(entry))
            return false;
        var text = entry.AsSpan().Trim();
        var slash = text.IndexOf('/');
        var prefix = -1;
        if (slash >= 0 && !int.TryParse(text[(slash + 1)..], System.Globalization.NumberStyles.None, null, out prefix))
            return false;
        if (!IPAddress.TryParse(slash >= 0 ? text[..slash] : text, out var address))
            return false;
        if (address.IsIPv4MappedToIPv6 && slash < 0)
            address = address.MapToIPv4();
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            prefix = slash < 0 ? 32 : prefix;
            if (prefix > 32)
                return false;
            var mask = prefix == 0 ? 0 : uint.MaxValue << (32 - prefix);
            Span<byte> four = stackalloc byte[4];
            address.TryWriteBytes(four, out _);
            var value = BinaryPrimitives.ReadUInt32BigEndian(four);
            if ((value & ~mask) != 0)
                return false;
            v4.Add((value, mask));
            return true;
        }
        prefix = slash < 0 ? 128 : prefix;
        if (prefix > 128)
            return false;
        var wideMask = prefix == 0 ? UInt128.Zero : UInt128.MaxValue << (128 - prefix);
        Span<byte> sixteen = stackalloc byte[16];
        address.TryWriteBytes(sixteen, out _);
        var wide = BinaryPrimitives.ReadUInt128BigEndian(sixteen);
        if ((wide & ~wideMask) != 0)
            return false;
        v6.Add((wide, wideMask));
        return true;
    }
}
