using Holdfast.Storage.Keys;

namespace Holdfast.Mail.Receive;

/// <summary>Looks at the files that the receiving end would read, as it would read them, and starts nothing.</summary>
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
        var look = new NamedFileLook(files, now);
        await look.EntriesAsync("UsersFile", options.UsersFile, t => UserList.Parse(t).Count, "no user, so nobody "
            + "could sign in", "add one: holdfast user add NAME --file FILE", abort).ConfigureAwait(false);
        for (var i = 0; i < options.Listeners.Length; i++)
        {
            var listener = options.Listeners[i];
            var at = $"Listeners:{i}:";
            await look.EntriesAsync(at + "DomainsFile", listener.DomainsFile, t => DomainList.Parse(t).Count,
                "no domain", "one domain a line, or leave the key out", abort).ConfigureAwait(false);
            await look.EntriesAsync(at + "RecipientsFile", listener.RecipientsFile,
                t => RecipientDirectory.Parse(t).Count, "no recipient, so every one would be refused",
                "one address or @domain a line, or leave the key out to take every local part", abort)
                .ConfigureAwait(false);
            if (listener.Tls != ListenerTls.None)
            {
                (await look.PairAsync(at, listener.CertificateFile, listener.KeyFile, abort).ConfigureAwait(false))
                    ?.Leaf.Dispose();
            }
        }
        return look.Faults;
    }
}
