using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Holdfast.Web.Select;

/// <summary>What a session's cookie says.</summary>
/// <param name="Place">Keyed hash of site and target.</param>
/// <param name="Until">When the bond is looked at again, in Unix seconds.</param>
internal readonly record struct AffinityBond(ulong Place, uint Until);

/// <summary>Signs and reads session cookies with one key: where a session is bound, told in a way that only who has the
/// key can read and make.</summary>
/// <remarks>
/// Value: base64url of version (1 octet), end of the bond (4, Unix seconds), keyed hash of site and address (8), and
/// the first 17 octets of an HMAC-SHA256 over these and the service's name: 30 in all, since the decoder throws at
/// letters that hold spare bits. No name or address stands in it, and none can be tried out without the key.
/// Promise: no text makes it throw, and nothing is believed whose signature isn't ours for that service.
/// </remarks>
internal sealed class AffinityCookie(byte[] key)
{
    public const int Length = 40;
    /// <summary>Longer names are none of a topology.</summary>
    private const int NameBytesMax = 1024;
    private const byte Version = 1;
    private const int SaidBytes = 13;
    private const int SignatureBytes = 17;
    private const int AllBytes = SaidBytes + SignatureBytes;

    /// <summary>The same for a site's target in every gateway that has the key.</summary>
    public ulong PlaceOf(string site, string address)
    {
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"place\n{site.ToUpperInvariant()}\n{address}"), hash);
        return BinaryPrimitives.ReadUInt64BigEndian(hash);
    }

    public string Write(string service, AffinityBond bond)
    {
        Span<byte> all = stackalloc byte[AllBytes];
        all[0] = Version;
        BinaryPrimitives.WriteUInt32BigEndian(all[1..], bond.Until);
        BinaryPrimitives.WriteUInt64BigEndian(all[5..], bond.Place);
        Sign(service, all[..SaidBytes], all[SaidBytes..]);
        return Base64Url.EncodeToString(all);
    }

    /// <summary>Null: it isn't ours.</summary>
    public AffinityBond? Read(string service, ReadOnlySpan<char> value)
    {
        if (value.Length != Length)
            return null;
        // The decoder would pass over white space.
        foreach (var c in value)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not '-' and not '_')
                return null;
        }
        Span<byte> all = stackalloc byte[AllBytes];
        if (!Base64Url.TryDecodeFromChars(value, all, out var count) || count != AllBytes || all[0] != Version)
            return null;
        Span<byte> signature = stackalloc byte[SignatureBytes];
        Sign(service, all[..SaidBytes], signature);
        return CryptographicOperations.FixedTimeEquals(signature, all[SaidBytes..])
            ? new AffinityBond(BinaryPrimitives.ReadUInt64BigEndian(all[5..]),
                BinaryPrimitives.ReadUInt32BigEndian(all[1..]))
            : null;
    }

    private void Sign(string service, ReadOnlySpan<byte> said, Span<byte> signature)
    {
        Span<byte> text = stackalloc byte[5 + SaidBytes + NameBytesMax];
        "bond\n"u8.CopyTo(text);
        said.CopyTo(text[5..]);
        var length = 5 + SaidBytes;
        Span<char> name = stackalloc char[NameBytesMax / 4];
        var letters = service.AsSpan(0, Math.Min(service.Length, name.Length)).ToUpperInvariant(name);
        length += Encoding.UTF8.GetBytes(name[..letters], text[length..]);
        Span<byte> whole = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, text[..length], whole);
        whole[..SignatureBytes].CopyTo(signature);
    }
}
