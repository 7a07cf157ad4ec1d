using System.Buffers.Binary;
using System.Net;
using CsCheck;
using Holdfast.Fuzz.Targets;
using Holdfast.Mail.Smtp;

namespace Holdfast.Tests.Mail.Smtp;

public class ProxyHeaderTests
{
    private static readonly byte[] FourAddresses = [192, 0, 2, 7, 198, 51, 100, 1, 0x9C, 0x40, 0, 25];

    [Fact]
    public void Four_and_six_give_both_ends()
    {
        Assert.Equal(ProxyHeaderResult.Done, Read(Header(0x21, 0x11, FourAddresses), out var header));
        Assert.Equal(IPEndPoint.Parse("192.0.2.7:40000"), header.Source);
        Assert.Equal(IPEndPoint.Parse("198.51.100.1:25"), header.Destination);
        Assert.Equal(28, header.Length);
        byte[] six = [.. IPAddress.Parse("2001:db8::7").GetAddressBytes(),
            .. IPAddress.Parse("2001:db8::1").GetAddressBytes(), 0, 1, 0, 25];
        Assert.Equal(ProxyHeaderResult.Done, Read(Header(0x21, 0x21, six), out header));
        Assert.Equal(IPEndPoint.Parse("[2001:db8::7]:1"), header.Source);
    }

    [Fact]
    public void The_proxys_own_connections_have_no_source()
    {
        Assert.Equal(ProxyHeaderResult.Done, Read(Header(0x20, 0, []), out var header));
        Assert.Null(header.Source);
        Assert.Equal(ProxyHeaderResult.Done, Read(Header(0x20, 0x11, FourAddresses), out header));
        Assert.Null(header.Source);
        Assert.Equal(ProxyHeaderResult.Done, Read(Header(0x21, 0, [1, 0, 1, 9]), out header));
        Assert.Null(header.Source);
        Assert.Equal(20, header.Length);
    }

    [Fact]
    public void Every_shorter_piece_asks_for_more()
    {
        var whole = Header(0x21, 0x11, [.. FourAddresses, 1, 0, 2, (byte)'h', (byte)'2']);
        for (var length = 0; length < whole.Length; length++)
            Assert.Equal(ProxyHeaderResult.NeedMore, Read(whole[..length], out _));
        Assert.Equal(ProxyHeaderResult.Done, Read([.. whole, .. "EHLO x\r\n"u8], out var header));
        Assert.Equal(whole.Length, header.Length);
    }

    [Fact]
    public void Other_things_are_told_apart()
    {
        Assert.Equal(ProxyHeaderResult.Version1, Read("PROXY TCP4 192.0.2.7 198.51.100.1 1 25\r\n"u8.ToArray(), out _));
        Assert.Equal(ProxyHeaderResult.NotProxy, Read("EHLO x\r\n"u8.ToArray(), out _));
        Assert.Equal(ProxyHeaderResult.Malformed, Read(Header(0x11, 0x11, FourAddresses), out _));
        Assert.Equal(ProxyHeaderResult.Malformed, Read(Header(0x22, 0x11, FourAddresses), out _));
        Assert.Equal(ProxyHeaderResult.Malformed, Read(Header(0x21, 0x12, FourAddresses), out _));
        Assert.Equal(ProxyHeaderResult.Malformed, Read(Header(0x21, 0x41, FourAddresses), out _));
        Assert.Equal(ProxyHeaderResult.Malformed, Read(Header(0x21, 0x11, FourAddresses[..11]), out _));
        Assert.Equal(ProxyHeaderResult.Malformed, Read(Header(0x21, 0x11, [.. FourAddresses, 1, 0]), out _));
        Assert.Equal(ProxyHeaderResult.Malformed, Read(Header(0x21, 0x11, [.. FourAddresses, 1, 0, 2, 0]), out _));
    }

    [Fact]
    public void Length_limit_holds_on_both_sides()
    {
        byte[] Filled(int bytes) => [.. FourAddresses, 4, (byte)((bytes - 31) >> 8), (byte)(bytes - 31),
            .. new byte[bytes - 31]];
        Assert.Equal(ProxyHeaderResult.Done, Read(Header(0x21, 0x11, Filled(ProxyHeader.BytesMax)), out _));
        Assert.Equal(ProxyHeaderResult.TooLong, Read(Header(0x21, 0x11, Filled(ProxyHeader.BytesMax + 1)), out _));
    }

    [Fact]
    public void A_checksum_must_be_right()
    {
        var whole = Header(0x21, 0x11, [.. FourAddresses, 3, 0, 4, 0, 0, 0, 0]);
        BinaryPrimitives.WriteUInt32BigEndian(whole.AsSpan(31), Crc32C(whole));
        Assert.Equal(ProxyHeaderResult.Done, Read(whole, out _));
        whole[16] ^= 1;
        Assert.Equal(ProxyHeaderResult.BadChecksum, Read(whole, out _));
    }

    [Fact]
    public void Arbitrary_octets_never_throw() =>
        Gen.Byte.Array[0, 80].Sample(octets =>
        {
            SmtpTargets.ProxyHeader(octets);
            if (octets.Length > 4)
                SmtpTargets.ProxyHeader([0x21, (byte)(octets[0] % 2 == 0 ? 0x11 : 0x21), 0, (byte)(octets.Length - 4),
                    .. octets[4..]]);
        }, iter: 20_000);

    private static ProxyHeaderResult Read(byte[] octets, out ProxyHeader header) =>
        ProxyHeader.TryRead(octets, out header);

    private static byte[] Header(byte version, byte family, byte[] body) =>
        [.. "\r\n\r\n\0\r\nQUIT\n"u8, version, family, (byte)(body.Length >> 8), (byte)body.Length, .. body];

    /// <summary>Bit by bit, reflected polynomial 0x82F63B78 (RFC 3720 appendix B.4).</summary>
    private static uint Crc32C(byte[] octets)
    {
        var crc = uint.MaxValue;
        foreach (var octet in octets)
        {
            crc ^= octet;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
        }
        return ~crc;
    }
}
