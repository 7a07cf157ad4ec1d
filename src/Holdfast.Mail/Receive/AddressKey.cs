using System.Buffers.Binary;
using System.Net;

namespace Holdfast.Mail.Receive;

/// <summary>What counts as one client address in limits: an IPv4 address, or an IPv6 /64, since one customer commonly
/// has that many.</summary>
internal static class AddressKey
{
    public static UInt128 Of(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var length);
        if (length == 4)
            return BinaryPrimitives.ReadUInt32BigEndian(bytes) | ((UInt128)0xFFFF << 32);
        var value = BinaryPrimitives.ReadUInt128BigEndian(bytes);
        return address.IsIPv4MappedToIPv6 || IPAddress.IsLoopback(address) ? value : value >> 64 << 64;
    }
}
