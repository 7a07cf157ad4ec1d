using System.Net.Sockets;
using System.Text;
using MailKit;
using MailKit.Net.Imap;
using MailKit.Search;
using MailKit.Security;

namespace Holdfast.Mail.Canaries;

/// <summary>A mailbox on an IMAP server.</summary>
/// <remarks>
/// One connection, kept; opened again after any failure. Only messages with our canary header and our own tag are
/// looked at and deleted: what else lies there stays as it is. Without UIDPLUS (RFC 4315) they are marked deleted and
/// left to the server, since a plain EXPUNGE would take what somebody else marked.
/// The password is read at each sign-in and stands in no log and no message of an exception of ours.
/// </remarks>
internal sealed class ImapMailbox(CanaryMailboxOptions options, string tag) : ICanaryMailbox
{
    private const int LookedAtMax = 200;
    private const int PasswordBytesMax = 4096;
    private ImapClient? _client;

    public async Task<IReadOnlyList<string>> LookAsync(CancellationToken abort)
    {
        try
        {
            var folder = await OpenAsync(abort).ConfigureAwait(false);
            await folder.CheckAsync(abort).ConfigureAwait(false);
            var found = await folder.SearchAsync(SearchQuery.And(SearchQuery.NotDeleted,
                SearchQuery.HeaderContains(CanaryMessage.TokenHeader, tag)), abort).ConfigureAwait(false);
            if (found.Count == 0)
                return [];
            var some = found.Count <= LookedAtMax ? found : [.. found.Skip(found.Count - LookedAtMax)];
            var tokens = new List<string>();
            foreach (var summary in await folder.FetchAsync(some, new FetchRequest(MessageSummaryItems.UniqueId,
                [CanaryMessage.TokenHeader]), abort).ConfigureAwait(false))
            {
                if (summary.Headers?[CanaryMessage.TokenHeader] is { } value
                    && CanaryToken.Read(Encoding.UTF8.GetBytes(value.Trim())) is { } token)
                    tokens.Add(token);
            }
            await folder.StoreAsync(found, new StoreFlagsRequest(StoreAction.Add, MessageFlags.Deleted)
                { Silent = true }, abort).ConfigureAwait(false);
            if ((_client!.Capabilities & ImapCapabilities.UidPlus) != 0)
                await folder.ExpungeAsync(found, abort).ConfigureAwait(false);
            return tokens;
        }
        catch (Exception e) when (e is IOException or SocketException or ProtocolException or CommandException
            or System.Security.Authentication.AuthenticationException
            or MailKit.Security.AuthenticationException or SslHandshakeException
            or UnauthorizedAccessException or InvalidOperationException or NotSupportedException
            or FolderNotFoundException or OperationCanceledException)
        {
            Drop();
            throw new CanaryMailboxException(e is OperationCanceledException ? "no answer in time" : e.Message, e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_client is { IsConnected: true } client)
        {
            try
            {
                using var limit = new CancellationTokenSource();
                await client.DisconnectAsync(quit: false, limit.Token).ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or ProtocolException or CommandException)
            {
                // It is gone, which is what was wanted.
            }
        }
        Drop();
    }

    private async Task<IMailFolder> OpenAsync(CancellationToken abort)
    {
        if (_client is not { IsConnected: true, IsAuthenticated: true })
        {
            Drop();
            _client = new ImapClient { CheckCertificateRevocation = false };
            CanaryOptionsValidator.TryReadEndpoint(options.Endpoint, out var host, out var port);
            await _client.ConnectAsync(host, port, options.Tls switch
            {
                ImapTls.Implicit => SecureSocketOptions.SslOnConnect,
                ImapTls.StartTls => SecureSocketOptions.StartTls,
                _ => SecureSocketOptions.None,
            }, abort).ConfigureAwait(false);
            await _client.AuthenticateAsync(new UTF8Encoding(false), options.User, ReadPassword(), abort)
                .ConfigureAwait(false);
        }
        var folder = string.Equals(options.Folder, "INBOX", StringComparison.OrdinalIgnoreCase)
            ? _client.Inbox! : await _client.GetFolderAsync(options.Folder, abort).ConfigureAwait(false);
        if (folder is not { IsOpen: true, Access: FolderAccess.ReadWrite })
            await folder.OpenAsync(FolderAccess.ReadWrite, abort).ConfigureAwait(false);
        return folder;
    }

    private string ReadPassword()
    {
        if (options.PasswordVariable is { Length: > 0 } variable)
        {
            return Environment.GetEnvironmentVariable(variable)
                ?? throw new IOException($"the environment variable {variable} of the password is not set");
        }
        using var file = new FileStream(options.PasswordFile!, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[PasswordBytesMax];
        var length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        var text = Encoding.UTF8.GetString(bytes, 0, length);
        var end = text.AsSpan().IndexOfAny('\r', '\n');
        return end < 0 ? text : text[..end];
    }

    private void Drop()
    {
        _client?.Dispose();
        _client = null;
    }
}
