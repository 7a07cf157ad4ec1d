using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;

namespace Holdfast.Mail.Smtp;

/// <summary>xtext parameter values (RFC 3461 §4), from strings and into them: "+XX" is the octet 0xXX.</summary>
internal static class XtextValue
{
    /// <summary>No parameter is longer (ORCPT's 500, RFC 3461 §4.2).</summary>
    private const int BytesMax = 512;

    /// <summary>False for an empty or over-long value, a bad escape, or octets that decode to no UTF-8.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> value, [NotNullWhen(true)] out string? text)
    {
        text = null;
        if (value.Length is 0 or > BytesMax)
            return false;
        Span<byte> decoded = stackalloc byte[BytesMax];
        var length = 0;
        for (var i = 0; i < value.Length; i++)
        {
            var b = value[i];
            if (b == '+')
            {
                // Upper-case hexadecimal by the grammar; lower case is tolerated.
                if (i + 2 >= value.Length || !char.IsAsciiHexDigit((char)value[i + 1])
                    || !char.IsAsciiHexDigit((char)value[i + 2]))
                {
                    return false;
                }
                b = (byte)((Nibble(value[i + 1]) << 4) | Nibble(value[i + 2]));
                i += 2;
            }
            else if (b is (byte)'=' or <= 32 or 127)
            {
                return false;
            }
            decoded[length++] = b;
        }
        if (!Utf8.IsValid(decoded[..length]))
            return false;
        text = Encoding.UTF8.GetString(decoded[..length]);
        return true;
    }

    /// <summary>Writes the text's UTF-8 as xtext: all but printable ASCII without '+' and '=' as "+XX".</summary>
    /// <returns>Octets written, or -1 when the output is too small: a part of an address is another address.</returns>
    public static int Encode(ReadOnlySpan<char> text, Span<byte> output)
    {
        Span<byte> utf8 = stackalloc byte[4];
        var written = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            foreach (var b in utf8[..rune.EncodeToUtf8(utf8)])
            {
                var isPlain = b is >= (byte)'!' and <= (byte)'~' and not (byte)'+' and not (byte)'=';
                if (output.Length - written < (isPlain ? 1 : 3))
                    return -1;
                if (isPlain)
                {
                    output[written++] = b;
                    continue;
                }
                output[written++] = (byte)'+';
                output[written++] = "0123456789ABCDEF"u8[b >> 4];
                output[written++] = "0123456789ABCDEF"u8[b & 15];
            }
        }
        return written;
    }

    /// <summary>No controls: the value will stand in headers of notices.</summary>
    public static bool IsPrintable(string text)
    {
        foreach (var rune in text.EnumerateRunes())
        {
            if (Rune.IsControl(rune) || rune.Value is 0x2028 or 0x2029)
                return false;
        }
        return true;
    }

    private static int Nibble(byte b) => b <= '9' ? b - '0' : (b | 0x20) - 'a' + 10;
}
