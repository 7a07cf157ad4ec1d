using System.Net.Http.Headers;

namespace Holdfast.Web.Probes;

/// <summary>A secret from a file's first line, read again every minute. It is never logged or shown.</summary>
/// <remarks>Not thread-safe. A file that can't be read or holds no field's value: <see cref="TryRead"/> says why, and
/// nothing is sent without it, since the answer would say nothing of the target.</remarks>
internal sealed class SecretLine(string path, TimeProvider time)
{
    internal const int CharsMax = 8192;
    private static readonly TimeSpan s_readEvery = TimeSpan.FromMinutes(1);
    private string? _value;
    private long _readAt;

    /// <param name="fault">What is wrong with the file, without anything that stands in it.</param>
    public bool TryRead(out string? value, out string? fault)
    {
        (value, fault) = (null, null);
        if (path.Length == 0)
            return true;
        if (_value is null || time.GetElapsedTime(_readAt) >= s_readEvery)
        {
            try
            {
                _value = Read();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                fault = e.Message;
                return false;
            }
            if (_value is null)
            {
                fault = $"{path}: its first line is no value of an Authorization field";
                return false;
            }
            _readAt = time.GetTimestamp();
        }
        value = _value;
        return true;
    }

    /// <summary>The first line as a field's value; null: it is none.</summary>
    /// <param name="text">The file's first <see cref="CharsMax"/> characters.</param>
    internal static string? Parse(ReadOnlySpan<char> text)
    {
        var end = text.IndexOfAny('\r', '\n');
        if (end < 0 && text.Length >= CharsMax)
            return null;
        var line = (end < 0 ? text : text[..end]).Trim();
        // RFC 9110 §5.5: visible characters and spaces.
        if (line.ContainsAnyExceptInRange(' ', '~'))
            return null;
        var value = line.ToString();
        return AuthenticationHeaderValue.TryParse(value, out _) ? value : null;
    }

    private string? Read()
    {
        Span<char> buffer = stackalloc char[CharsMax];
        using var reader = new StreamReader(path);
        return Parse(buffer[..reader.ReadBlock(buffer)]);
    }
}
