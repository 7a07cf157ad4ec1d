using System.Buffers.Binary;
using System.Net;
using System.Numerics;

namespace Holdfast.Mail.Smtp;

internal enum ProxyHeaderResult : byte
{
    /// <summary>So far it may be one: read more.</summary>
    NeedMore = 0,
    Done,
    /// <summary>A text header of version 1: not spoken here, since it has no bounds worth the name.</summary>
    Version1,
    /// <summary>Not a header at all: the peer isn't the proxy that it should be.</summary>
    NotProxy,
    Malformed,
    TooLong,
    BadChecksum,
}

/// <summary>PROXY protocol version 2, as HAProxy specifies it in proxy-protocol.txt §2.2.</summary>
/// <param name="Length">Octets of the header; SMTP begins behind them.</param>
/// <param name="Source">The true client, or null: the proxy's own connection (LOCAL) or an unknown family. Then the
/// connection's addresses count.</param>
/// <param name="Destination">The address that the client connected to, or null.</param>
internal readonly record struct ProxyHeader(int Length, IPEndPoint? Source, IPEndPoint? Destination)
{
    /// <summary>More than any known sender's TLVs come to; the length field would allow 64 KiB.</summary>
    public const int BytesMax = 2048;
    private const int FixedBytes = 16;

    private static ReadOnlySpan<byte> Signature => "\r\n\r\n\0\r\nQUIT\n"u8;
    private static ReadOnlySpan<byte> SignatureOfVersion1 => "PROXY "u8;

    /// <summary>Reads a header from the start of what has come so far.</summary>
    public static ProxyHeaderResult TryRead(ReadOnlySpan<byte> received, out ProxyHeader header)
    {
        header = default;
        var known = Math.Min(received.Length, Signature.Length);
        if (!received[..known].SequenceEqual(Signature[..known]))
        {
            known = Math.Min(received.Length, SignatureOfVersion1.Length);
            return received[..known].SequenceEqual(SignatureOfVersion1[..known])
                ? ProxyHeaderResult.Version1 : ProxyHeaderResult.NotProxy;
        }
        if (received.Length < FixedBytes)
            return ProxyHeaderResult.NeedMore;
        var (version, command) = (received[12] >> 4, received[12] & 15);
        if (version != 2 || command > 1)
            return ProxyHeaderResult.Malformed;
        var length = FixedBytes + BinaryPrimitives.ReadUInt16BigEndian(received[14..]);
        if (length > BytesMax)
            return ProxyHeaderResult.TooLong;
        if (received.Length < length)
            return ProxyHeaderResult.NeedMore;
        var whole = received[..length];
        var body = whole[FixedBytes..];
        IPEndPoint? source = null, destination = null;
        // Family in the high, transport in the low half octet; a family's addresses must fit, the rest are TLVs.
        var addressBytes = (received[13] >> 4) switch { 1 => 12, 2 => 36, 3 => 216, 0 => 0, _ => -1 };
        if (addressBytes < 0 || (received[13] & 15) > 2)
            return ProxyHeaderResult.Malformed;
        if (command == 1)
        {
            if (body.Length < addressBytes)
                return ProxyHeaderResult.Malformed;
            if (received[13] is 0x11 or 0x21)
            {
                var width = received[13] == 0x11 ? 4 : 16;
                source = new IPEndPoint(new IPAddress(body[..width]),
                    BinaryPrimitives.ReadUInt16BigEndian(body[(2 * width)..]));
                destination = new IPEndPoint(new IPAddress(body.Slice(width, width)),
                    BinaryPrimitives.ReadUInt16BigEndian(body[((2 * width) + 2)..]));
            }
            else if (received[13] != 0)
            {
                return ProxyHeaderResult.Malformed; // datagrams and Unix sockets carry no SMTP to us
            }
            var result = CheckExtras(whole, FixedBytes + addressBytes);
            if (result != ProxyHeaderResult.Done)
                return result;
        }
        header = new ProxyHeader(length, source, destination);
        return ProxyHeaderResult.Done;
    }

    /// <summary>Walks the type-length-values; a CRC-32C among them (type 3) must be right (§2.2.3).</summary>
    private static ProxyHeaderResult CheckExtras(ReadOnlySpan<byte> header, int at)
    {
        const byte Crc32C = 3;
        while (at < header.Length)
        {
            if (at + 3 > header.Length)
                return ProxyHeaderResult.Malformed;
            var length = BinaryPrimitives.ReadUInt16BigEndian(header[(at + 1)..]);
            if (at + 3 + length > header.Length)
                return ProxyHeaderResult.Malformed;
            if (header[at] == Crc32C)
            {
                if (length != 4)
                    return ProxyHeaderResult.Malformed;
                var crc = uint.MaxValue;
                for (var i = 0; i < header.Length; i++)
                    crc = BitOperations.Crc32C(crc, i >= at + 3 && i < at + 7 ? (byte)0 : header[i]);
                if (~crc != BinaryPrimitives.ReadUInt32BigEndian(header[(at + 3)..]))
                    return ProxyHeaderResult.BadChecksum;
            }
            at += 3 + length;
        }
        return ProxyHeaderResult.Done;
    }
}
