using System.Text;

namespace Holdfast.Mail.Receive;

/// <summary>Lines of a small configuration file in UTF-8: numbered from 1, trimmed, without empty ones and comments.
/// </summary>
internal static class TextLines
{
    public static IEnumerable<(int Number, string Text)> Of(ReadOnlyMemory<byte> bytes)
    {
        var number = 0;
        while (!bytes.IsEmpty)
        {
            number++;
            var end = bytes.Span.IndexOf((byte)'\n');
            // A byte order mark stands at a file's beginning, or where files were joined; it shows nowhere.
            var line = Encoding.UTF8.GetString((end < 0 ? bytes : bytes[..end]).Span)
                .Replace("\uFEFF", "", StringComparison.Ordinal).Trim();
            bytes = end < 0 ? default : bytes[(end + 1)..];
            if (line.Length > 0 && !line.StartsWith('#'))
                yield return (number, line);
        }
    }
}
