using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Holdfast.Storage.Disk;

/// <summary>A failure to inject: which calls fail, from when on, how often, with which errno.</summary>
/// <param name="Operation">open, pread, pwrite, fallocate, ftruncate, fdatasync, fsync (of a directory), rename,
/// unlink, readdir, flock, or * for all.</param>
/// <param name="After">Calls of that operation that succeed first.</param>
/// <param name="Count">Calls that then fail.</param>
/// <param name="Errno">5 EIO, 28 ENOSPC, 30 EROFS…</param>
/// <param name="PathPart">Only paths that contain this; empty for all.</param>
public sealed record DiskFault(string Operation, long After, long Count, int Errno, string PathPart = "")
{
    private const int FieldsMin = 4;
    private const int FieldsMax = 5;
    private long _calls;

    /// <summary>Reads <c>operation:after:count:errno[:path-part]</c>, several separated by ';'.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out IReadOnlyList<DiskFault>? faults)
    {
        ArgumentNullException.ThrowIfNull(text);
        var list = new List<DiskFault>();
        faults = null;
        foreach (var part in text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var fields = part.Split(':');
            if (fields.Length is < FieldsMin or > FieldsMax
                || !long.TryParse(fields[1], NumberStyles.None, CultureInfo.InvariantCulture, out var after)
                || !long.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out var count)
                || !int.TryParse(fields[3], NumberStyles.None, CultureInfo.InvariantCulture, out var errno))
            {
                return false;
            }
            list.Add(new DiskFault(fields[0], after, count, errno, fields.Length == FieldsMax ? fields[4] : ""));
        }
        faults = list;
        return true;
    }

    /// <summary>Counts the call; true when it is one that fails. Any thread.</summary>
    internal bool Fails(string operation, string path)
    {
        if (Operation != "*" && Operation != operation) return false;
        if (PathPart.Length > 0 && !path.Contains(PathPart, StringComparison.Ordinal)) return false;
        var call = Interlocked.Increment(ref _calls);
        return call > After && call - After <= Count;
    }
}
