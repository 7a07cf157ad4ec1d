using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Holdfast.Mail.Canaries;

/// <summary>Names of canaries: <c>hfc-</c> and 32 hexadecimal digits.</summary>
/// <remarks>A keyed hash of a number: nobody outside can make one, so no forged answer makes a dead site look alive.
/// The key is the process's own; canaries of an earlier run are strangers.</remarks>
internal sealed class CanaryToken(byte[] key)
{
    public const string Prefix = "hfc-";
    public const int Length = 36;
    private long _count;

    public string Next()
    {
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(number, Interlocked.Increment(ref _count));
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, number, hash);
        return Prefix + Convert.ToHexStringLower(hash[..16]);
    }

    /// <summary>Reads a token at the start of the text; null: there is none.</summary>
    public static string? Read(ReadOnlySpan<byte> text)
    {
        if (text.Length < Length || !text.StartsWith("hfc-"u8))
            return null;
        foreach (var b in text[Prefix.Length..Length])
        {
            if (b is not ((>= (byte)'0' and <= (byte)'9') or (>= (byte)'a' and <= (byte)'f')))
                return null;
        }
        return System.Text.Encoding.ASCII.GetString(text[..Length]);
    }
}
