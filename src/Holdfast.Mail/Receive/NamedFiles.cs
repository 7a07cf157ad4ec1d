namespace Holdfast.Mail.Receive;

/// <summary>What is wrong with a file that the configuration names.</summary>
/// <param name="Key">Path of the key below <c>Holdfast:Mail:Receive</c>, as <c>Listeners:0:KeyFile</c>.</param>
/// <param name="Problem">A sentence without a full stop.</param>
public sealed record NamedFileFault(string Key, string Problem, string Suggestion);

/// <summary>Looks at the files that the receiving end would read, as it would read them, and starts nothing.</summary>
/// <remarks>For <c>check</c> alone: a running server goes on with its last good copies and says so in its log, since a
/// file may come and go.</remarks>
public static class NamedFiles
{
    /// <summary>Every fault, in the order of the keys.</summary>
    /// <param name="now">Certificates must be valid at this time.</param>
    public static Task<IReadOnlyList<NamedFileFault>> FindFaultsAsync(ReceiveOptions options, DateTimeOffset now,
        CancellationToken abort) => FindFaultsAsync(options, new LocalFiles(), now, abort);

    internal static async Task<IReadOnlyList<NamedFileFault>> FindFaultsAsync(ReceiveOptions options,
        IFileSource files, DateTimeOffset now, CancellationToken abort)
    {
        ArgumentNullException.ThrowIfNull(options);
        var look = new Look(files, now, abort);
        await look.EntriesAsync("UsersFile", options.UsersFile, t => UserList.Parse(t).Count, "no user, so nobody "
            + "could sign in", "add one: holdfast user add NAME --file FILE").ConfigureAwait(false);
        for (var i = 0; i < options.Listeners.Length; i++)
        {
            var listener = options.Listeners[i];
            var at = $"Listeners:{i}:";
            await look.EntriesAsync(at + "DomainsFile", listener.DomainsFile, t => DomainList.Parse(t).Count,
                "no domain", "one domain a line, or leave the key out").ConfigureAwait(false);
            await look.EntriesAsync(at + "RecipientsFile", listener.RecipientsFile,
                t => RecipientDirectory.Parse(t).Count, "no recipient, so every one would be refused",
                "one address or @domain a line, or leave the key out to take every local part").ConfigureAwait(false);
            if (listener.Tls != ListenerTls.None)
                await look.PairAsync(at, listener.CertificateFile, listener.KeyFile).ConfigureAwait(false);
        }
        return look.Faults;
    }

    private sealed class Look(IFileSource files, DateTimeOffset now, CancellationToken abort)
    {
        public List<NamedFileFault> Faults { get; } = [];

        public async Task EntriesAsync(string key, string? path, Func<ReadOnlyMemory<byte>, int> count, string nothing,
            string suggestion)
        {
            if (await ReadAsync(key, path, suggestion).ConfigureAwait(false) is not { } bytes)
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

        public async Task PairAsync(string at, string? certificateFile, string? keyFile)
        {
            var hasKeyFile = !string.IsNullOrEmpty(keyFile);
            const string pem = "PEM files as certificate authorities give them";
            var certificate = await ReadAsync(at + "CertificateFile", certificateFile, pem).ConfigureAwait(false);
            var key = await ReadAsync(at + "KeyFile", keyFile, pem).ConfigureAwait(false);
            if (certificate is null || (hasKeyFile && key is null))
                return;
            if (PemPair.TryRead(certificate, key, out var fault) is not { } pair)
            {
                var isKeyFile = fault!.IsKey && hasKeyFile;
                Faults.Add(new(at + (isKeyFile ? "KeyFile" : "CertificateFile"),
                    $"{(isKeyFile ? keyFile : certificateFile)} {fault.Problem}", fault.Suggestion));
                return;
            }
            using var leaf = pair.Leaf;
            DateTimeOffset from = leaf.NotBefore, until = leaf.NotAfter;
            if (until <= now)
                Faults.Add(new(at + "CertificateFile", $"{certificateFile} expired on {until.UtcDateTime:yyyy-MM-dd}",
                    "replace it: the running server takes a new one over by itself"));
            else if (from > now)
                Faults.Add(new(at + "CertificateFile",
                    $"{certificateFile} is not valid before {from.UtcDateTime:yyyy-MM-dd}",
                    "use it later, or is this machine's clock wrong?"));
        }

        private async Task<byte[]?> ReadAsync(string key, string? path, string suggestion)
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
}
