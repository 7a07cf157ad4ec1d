using System.Text;
using Holdfast.Mail.Receive;

namespace Holdfast.Commands;

/// <summary>The file of those who may sign in, edited line by line: comments and lines of other forms stay.</summary>
internal static class UserFile
{
    private const int BytesMax = 64 << 20;

    /// <summary>Name on a line (<c>name:hash</c> or a JSON object with <c>user</c>), or null.</summary>
    internal static string? NameOf(string line)
    {
        line = line.Trim();
        if (line.Length == 0 || line[0] == '#')
            return null;
        if (line[0] != '{')
            return line.IndexOf(':', StringComparison.Ordinal) is > 0 and var colon ? line[..colon] : null;
        try
        {
            using var json = System.Text.Json.JsonDocument.Parse(line);
            string? found = null;
            foreach (var property in json.RootElement.EnumerateObject())
            {
                if (string.Equals(property.Name, "user", StringComparison.OrdinalIgnoreCase))
                    found = property.Value.ValueKind == System.Text.Json.JsonValueKind.String
                        ? property.Value.GetString() : null;
            }
            // The last one counts, as for the server.
            return found;
        }
        catch (Exception e) when (e is System.Text.Json.JsonException or InvalidOperationException)
        {
            // Not ours to judge (half a surrogate pair counts too): the server says so in its log.
            return null;
        }
    }

    public static IReadOnlyList<string> Read(string path)
    {
        if (!File.Exists(path))
            return [];
        if (new FileInfo(path).Length > BytesMax)
            throw new IOException($"{path} is too large to be a users file");
        return File.ReadAllLines(path);
    }

    /// <summary>As <see cref="Read"/>, but refuses what isn't text: it is no users file, and to write it back as text
    /// would destroy it.</summary>
    public static IReadOnlyList<string> ReadText(string path)
    {
        var lines = Read(path);
        return IsText(lines) ? lines
            : throw new CommandException($"{path} is no users file: it isn't text", ExitCode.Failed);
    }

    /// <summary>False for control characters and octets that are no UTF-8.</summary>
    internal static bool IsText(IReadOnlyList<string> lines) =>
        !lines.Any(l => l.Any(c => c == '\uFFFD' || (char.IsControl(c) && c != '\t')));

    /// <summary>Numbers of the lines that are neither a user, a comment nor empty; the server refuses a file with one.
    /// </summary>
    internal static IReadOnlyList<int> FaultyLines(IReadOnlyList<string> lines) =>
        [.. Enumerable.Range(1, lines.Count).Where(n => !IsUserOrNothing(lines[n - 1].Trim()))];

    private static bool IsUserOrNothing(string line) => line.Length == 0 || line[0] == '#'
        || (NameOf(line) is not null
            && (line[0] == '{' || PasswordHash.IsHash(line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..])));

    /// <summary>Lines with the user's line replaced or added.</summary>
    public static IReadOnlyList<string> With(IReadOnlyList<string> lines, string name, string line)
    {
        var result = Without(lines, name, out var at).ToList();
        result.Insert(at ?? result.Count, line);
        return result;
    }

    /// <summary>Lines without the user's; <paramref name="at"/> is where the first one stood, or null.</summary>
    public static IReadOnlyList<string> Without(IReadOnlyList<string> lines, string name, out int? at)
    {
        at = null;
        var result = new List<string>();
        foreach (var line in lines)
        {
            if (string.Equals(NameOf(line), name, StringComparison.OrdinalIgnoreCase))
                at ??= result.Count;
            else
                result.Add(line);
        }
        return result;
    }

    /// <summary>Replaces the file in one step, so that the running server never reads half of it; owner and group may
    /// read it as before, others never.</summary>
    public static void Write(string path, IReadOnlyList<string> lines)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } directory && !Directory.Exists(directory))
            throw new CommandException($"the directory {directory} doesn't exist; make it first", ExitCode.Failed);
        var mode = File.Exists(path)
            ? File.GetUnixFileMode(path)
                & ~(UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute)
            : UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var partial = path + ".new";
        File.Delete(partial);
        using (var stream = new FileStream(partial, new FileStreamOptions
        {
            Mode = FileMode.CreateNew, Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            stream.Write(Encoding.UTF8.GetBytes(string.Concat(lines.Select(l => l + "\n"))));
            stream.Flush(flushToDisk: true);
        }
        File.SetUnixFileMode(partial, mode);
        File.Move(partial, path, overwrite: true);
    }
}
