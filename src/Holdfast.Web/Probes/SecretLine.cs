using System.Net.Http.Headers;

namespace Holdfast.Web.Probes;

/// <summary>A secret from a file's first line, read again every minute. It is never logged or shown.</summary>
/// <remarks>Not thread-safe. A file that can't be read or holds no field's value: <see cref="TryRead"/> says why, and
/// nothing is sent without it, since the answer would say nothing of the target.</remarks>
internal sealed class SecretLine(string path, TimeProvider time)
{
    private const int BytesMax = 8192;
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

    private string? Read()
    {
        Span<char> buffer = stackalloc char[BytesMax];
        using var reader = new StreamReader(path);
        var line = buffer[..reader.ReadBlock(buffer)];
        var end = line.IndexOfAny('\r', '\n');
        if (end < 0 && line.Length == BytesMax)
            return null;
        var text = (end < 0 ? line : line[..end]).Trim().ToString();
        // RFC 9110 §5.5: visible characters and spaces.
        foreach (var c in text)
        {
            if (c is < ' ' or > '~')
                return null;
        }
        return AuthenticationHeaderValue.TryParse(text, out _) ? text : null;
    }
}
