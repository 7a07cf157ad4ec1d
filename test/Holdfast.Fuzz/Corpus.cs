using System.Globalization;
using System.Text;

namespace Holdfast.Fuzz;

/// <summary>The committed inputs: a folder a target, a file an input.</summary>
internal static class Corpus
{
    public static string Default => Path.Combine(AppContext.BaseDirectory, "corpora");

    /// <summary>A target's inputs in the order of their names; none when the folder isn't there.</summary>
    public static IEnumerable<(string Name, byte[] Bytes)> Of(string directory, FuzzTarget target)
    {
        var folder = Path.Combine(directory, target.Name);
        if (!Directory.Exists(folder))
            return [];
        return Directory.GetFiles(folder).Order(StringComparer.Ordinal).Select(f => (f, File.ReadAllBytes(f)));
    }

    /// <summary>Writes a find; the name depends on its octets alone.</summary>
    public static string Write(string directory, string target, byte[] input)
    {
        Directory.CreateDirectory(directory);
        var hash = 14695981039346656037UL;
        foreach (var b in input)
            hash = (hash ^ b) * 1099511628211UL;
        var file = Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"{target}-{hash:x16}"));
        File.WriteAllBytes(file, input);
        return file;
    }

    /// <summary>Octets as people can read and paste them.</summary>
    public static string Show(ReadOnlySpan<byte> input)
    {
        const int ShownMax = 400;
        var text = new StringBuilder("\"");
        foreach (var b in input[..Math.Min(input.Length, ShownMax)])
        {
            _ = b switch
            {
                (byte)'\r' => text.Append("\\r"),
                (byte)'\n' => text.Append("\\n"),
                (byte)'"' or (byte)'\\' => text.Append('\\').Append((char)b),
                < 32 or > 126 => text.Append(CultureInfo.InvariantCulture, $"\\x{b:x2}"),
                _ => text.Append((char)b),
            };
        }
        return text.Append(input.Length > ShownMax ? "\"…" : "\"").ToString();
    }
}
