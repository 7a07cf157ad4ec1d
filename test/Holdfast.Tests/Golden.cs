using System.Text;

namespace Holdfast.Tests;

/// <summary>Compares with a committed file; with UPDATE_SNAPSHOTS=1 it writes instead (and fails, so that nobody
/// forgets to look at the diff).</summary>
internal static class Golden
{
    public static string Root
    {
        get
        {
            var directory = new DirectoryInfo(AppContext.BaseDirectory);
            while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Holdfast.slnx")))
                directory = directory.Parent;
            return directory?.FullName ?? throw new InvalidOperationException("run inside the repository");
        }
    }

    /// <param name="path">From the repository's root.</param>
    public static void Matches(string path, string actual)
    {
        var full = Path.Combine(Root, path);
        var expected = File.Exists(full) ? File.ReadAllText(full, Encoding.UTF8) : "";
        if (expected == actual)
            return;
        if (Environment.GetEnvironmentVariable("UPDATE_SNAPSHOTS") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(full)!);
            File.WriteAllText(full, actual, new UTF8Encoding(false));
        }
        var at = 0;
        while (at < Math.Min(expected.Length, actual.Length) && expected[at] == actual[at])
            at++;
        Assert.Fail($"{path} differs from character {at} on: expected \"{Near(expected, at)}\", got "
            + $"\"{Near(actual, at)}\". If the change is meant, run with UPDATE_SNAPSHOTS=1 and commit the diff.");
    }

    private static string Near(string text, int at) => text[at..Math.Min(text.Length, at + 60)];
}
