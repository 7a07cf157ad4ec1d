using System.Globalization;

namespace Holdfast.Bench.Peers;

/// <summary>CPU and memory of a process and its descendants, from /proc, with what its ended children used.</summary>
internal static class ProcessUse
{
    private const double TicksPerSecond = 100; // sysconf(_SC_CLK_TCK) on every Linux that we run on.

    /// <summary>User and system seconds of the tree, ended and waited-for children included.</summary>
    public static double CpuSeconds(int root)
    {
        double ticks = 0;
        foreach (var pid in Tree(root))
        {
            if (Stat(pid) is { } fields)
            {
                for (var i = 11; i <= 14; i++) // utime, stime, cutime, cstime (proc(5) fields 14 to 17)
                    ticks += double.Parse(fields[i], CultureInfo.InvariantCulture);
            }
        }
        return ticks / TicksPerSecond;
    }

    /// <summary>Sum of the peak resident sizes of the tree's living processes. Shared pages count more than once, which
    /// favours nobody with one process.</summary>
    public static long PeakBytes(int root)
    {
        long sum = 0;
        foreach (var pid in Tree(root))
        {
            try
            {
                var line = File.ReadLines($"/proc/{pid}/status")
                    .FirstOrDefault(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
                if (line is not null)
                    sum += long.Parse(line[6..].Replace("kB", "", StringComparison.Ordinal).Trim(),
                        CultureInfo.InvariantCulture) * 1024;
            }
            catch (IOException)
            {
                // Ended between listing and reading.
            }
        }
        return sum;
    }

    private static List<int> Tree(int root)
    {
        var parents = new Dictionary<int, int>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var pid) && Stat(pid) is { } f)
                parents[pid] = int.Parse(f[1], CultureInfo.InvariantCulture);
        }
        var tree = new List<int> { root };
        for (var i = 0; i < tree.Count; i++)
        {
            var parent = tree[i];
            tree.AddRange(parents.Where(p => p.Value == parent && !tree.Contains(p.Key)).Select(p => p.Key));
        }
        return tree;
    }

    /// <summary>Fields from the state on (proc(5) field 3), since the name before them may hold spaces.</summary>
    private static string[]? Stat(int pid)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{pid}/stat");
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
