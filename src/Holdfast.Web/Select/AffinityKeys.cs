using System.Text;

namespace Holdfast.Web.Select;

/// <summary>Reads the keys of session cookies from a file's text: one a line, the first signs, all are believed.
/// </summary>
/// <remarks>To change the key: put the new one before the old one, everywhere; take the old one away a day later.
/// Empty lines and lines that begin with # are none. What is wrong is told without anything that stands in the file.
/// </remarks>
public static class AffinityKeys
{
    internal const int CharsMin = 32;
    internal const int CharsMax = 512;
    internal const int KeysMax = 4;
    internal const int FileBytesMax = 8192;

    /// <summary>What is wrong with a file, for a check that starts nothing; null: nothing.</summary>
    public static string? FaultOf(string path)
    {
        try
        {
            Read(path, out var fault);
            return fault is null ? null : $"\"{path}\": {fault}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return File.Exists(path) ? e.Message.TrimEnd('.') : $"\"{path}\" isn't there";
        }
    }

    /// <returns>The keys; none when there is a fault.</returns>
    internal static IReadOnlyList<byte[]> Parse(ReadOnlySpan<char> text, out string? fault)
    {
        var keys = new List<byte[]>();
        fault = null;
        var number = 0;
        foreach (var whole in text.EnumerateLines())
        {
            number++;
            var line = whole.Trim();
            if (line.IsEmpty || line[0] == '#')
                continue;
            if (line.Length is < CharsMin or > CharsMax)
                fault ??= $"line {number} is no key of {CharsMin} to {CharsMax} characters";
            else if (line.ContainsAnyExceptInRange('!', '~'))
                fault ??= $"line {number} holds other than visible ASCII characters";
            else
                keys.Add(Encoding.ASCII.GetBytes(line.ToString()));
        }
        if (keys.Count > KeysMax)
            fault ??= $"{keys.Count} keys; at most {KeysMax} are taken";
        if (keys.Count == 0)
            fault ??= "there is no key in it";
        return fault is null ? keys : [];
    }

    /// <summary>Reads the file.</summary>
    /// <exception cref="IOException">It can't be read.</exception>
    /// <exception cref="UnauthorizedAccessException">We may not read it.</exception>
    internal static IReadOnlyList<byte[]> Read(string path, out string? fault)
    {
        Span<byte> buffer = stackalloc byte[FileBytesMax + 1];
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var read = file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        if (read > FileBytesMax)
        {
            fault = $"it is longer than {FileBytesMax} bytes";
            return [];
        }
        return Parse(Encoding.UTF8.GetString(buffer[..read]), out fault);
    }
}
