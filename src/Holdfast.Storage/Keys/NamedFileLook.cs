namespace Holdfast.Storage.Keys;

/// <summary>What is wrong with a file that the configuration names.</summary>
/// <param name="Key">Path of the key below the section that names it, as <c>Listeners:0:KeyFile</c>.</param>
/// <param name="Problem">A sentence without a full stop.</param>
/// <param name="Suggestion">What to do about it.</param>
public sealed record NamedFileFault(string Key, string Problem, string Suggestion);

/// <summary>Reads the files that a configuration names as a server would, and collects what is wrong with them.
/// </summary>
/// <remarks>For <c>check</c> alone: a running server goes on with its last good copies and says so in its log, since a
/// file may come and go.</remarks>
/// <param name="files">Where the files are read.</param>
/// <param name="now">Certificates must be valid at this time.</param>
public sealed class NamedFileLook(IFileSource files, DateTimeOffset now)
{
    private const string Pem = "PEM files as certificate authorities give them";

    /// <summary>Every fault so far, in the order of the looks.</summary>
    public List<NamedFileFault> Faults { get; } = [];

    /// <summary>A list of entries; none is a fault.</summary>
    public async Task EntriesAsync(string key, string? path, Func<ReadOnlyMemory<byte>, int> count, string nothing,
        string suggestion, CancellationToken abort)
    {
        ArgumentNullException.ThrowIfNull(count);
        if (await ReadAsync(key, path, suggestion, abort).ConfigureAwait(false) is not { } bytes)
            return;
        try
        {
            if (count(bytes) == 0)
                Faults.Add(new(key, $"{path} holds {nothing}", suggestion));
        }
        catch (FormatException e)
        {
            Faults.Add(new(key, $"{path}, {e.Message.TrimEnd('.')}", suggestion));
        }
    }

    /// <summary>The keys <c>CertificateFile</c> and <c>KeyFile</c> at a place.</summary>
    /// <param name="at">What stands before both keys, with its colon.</param>
    /// <param name="certificateFile">Null or empty: none is named.</param>
    /// <param name="keyFile">Null or empty: the key is with the certificate.</param>
    /// <param name="abort">Gives up.</param>
    /// <returns>The pair, to be disposed of; null: there is none.</returns>
    public async Task<PemPair?> PairAsync(string at, string? certificateFile, string? keyFile, CancellationToken abort)
    {
        var hasKeyFile = !string.IsNullOrEmpty(keyFile);
        var certificate = await ReadAsync(at + "CertificateFile", certificateFile, Pem, abort).ConfigureAwait(false);
        var key = await ReadAsync(at + "KeyFile", keyFile, Pem, abort).ConfigureAwait(false);
        if (certificate is null || (hasKeyFile && key is null))
            return null;
        if (PemPair.TryRead(certificate, key, out var fault) is not { } pair)
        {
            var isKeyFile = fault!.IsKey && hasKeyFile;
            Faults.Add(new(at + (isKeyFile ? "KeyFile" : "CertificateFile"),
                $"{(isKeyFile ? keyFile : certificateFile)} {fault.Problem}", fault.Suggestion));
            return null;
        }
        DateTimeOffset from = pair.Leaf.NotBefore, until = pair.Leaf.NotAfter;
        if (until <= now)
            Faults.Add(new(at + "CertificateFile", $"{certificateFile} expired on {until.UtcDateTime:yyyy-MM-dd}",
                "replace it: the running server takes a new one over by itself"));
        else if (from > now)
            Faults.Add(new(at + "CertificateFile",
                $"{certificateFile} is not valid before {from.UtcDateTime:yyyy-MM-dd}",
                "use it later, or is this machine's clock wrong?"));
        return pair;
    }

    /// <summary>The file's bytes; null, with a fault, when they can't be had, and when none is named.</summary>
    public async Task<byte[]?> ReadAsync(string key, string? path, string suggestion, CancellationToken abort)
    {
        if (string.IsNullOrEmpty(path))
            return null;
        // A relative path means another file for whoever starts the process elsewhere.
        var where = Path.IsPathRooted(path) ? "" : $" (below {Environment.CurrentDirectory})";
        try
        {
            if (files.Stamp(path) is not null)
                return await files.ReadAsync(path, abort).ConfigureAwait(false);
            Faults.Add(Directory.Exists(path)
                ? new(key, $"{path} is a directory{where}", "name a file in it")
                : new(key, $"there is no file {path}{where}, or it can't be seen by this user", suggestion));
        }
        catch (UnauthorizedAccessException)
        {
            Faults.Add(new(key, $"{path} can't be read by this user{where}",
                "make it readable for the user that holdfast runs as, and check as that user"));
        }
        catch (IOException e)
        {
            Faults.Add(new(key, $"{path} can't be read: {e.Message.TrimEnd('.')}", suggestion));
        }
        return null;
    }
}
