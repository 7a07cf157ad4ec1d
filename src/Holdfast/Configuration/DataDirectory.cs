using System.Globalization;

namespace Holdfast.Configuration;

/// <summary>The directory with all that must survive: found, made, and locked against a second process.</summary>
internal sealed class DataDirectory : IDisposable
{
    private readonly FileStream _lock;

    private DataDirectory(string path, FileStream @lock)
    {
        Path = path;
        _lock = @lock;
    }

    public string Path { get; }

    /// <summary>Directory that applies: the command line's, the configuration's, the environment's, a user's own.
    /// </summary>
    public static string Resolve(string? commandLine, string? configured, Func<string, string?> environment)
    {
        string[] candidates = [commandLine ?? "", configured ?? "", environment("HOLDFAST_DATA") ?? "",
            // systemd gives a list when several are declared; the first is ours.
            (environment("STATE_DIRECTORY") ?? "").Split(':')[0]];
        if (Array.Find(candidates, c => c.Length > 0) is { } chosen)
            return System.IO.Path.GetFullPath(chosen);
        var state = environment("XDG_STATE_HOME") is { Length: > 0 } xdg ? xdg
            : System.IO.Path.Combine(environment("HOME") is { Length: > 0 } home ? home : ".", ".local", "state");
        return System.IO.Path.GetFullPath(System.IO.Path.Combine(state, "holdfast"));
    }

    /// <summary>Makes the directory when missing and locks it.</summary>
    /// <exception cref="IOException">With a message for a person: in use, not writable, not a directory.</exception>
    public static DataDirectory Open(string path)
    {
        try
        {
            if (!Directory.Exists(path))
                Directory.CreateDirectory(path,
                    UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            var lockFile = System.IO.Path.Combine(path, "holdfast.lock");
            FileStream stream;
            try
            {
                // FileShare.None takes flock(LOCK_EX | LOCK_NB): it goes away with the process, however that ends.
                stream = new FileStream(lockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (File.Exists(lockFile))
            {
                throw new IOException($"another holdfast uses the data directory {path}; stop it, or give this one a "
                    + "directory of its own with --data");
            }
            stream.SetLength(0);
            stream.Write(System.Text.Encoding.ASCII.GetBytes(
                Environment.ProcessId.ToString(CultureInfo.InvariantCulture) + "\n"));
            stream.Flush();
            return new DataDirectory(path, stream);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException($"the data directory {path} can't be written: {e.Message}. Give another with --data, "
                + "or change its owner to the user that holdfast runs as", e);
        }
    }

    public void Dispose() => _lock.Dispose();
}
