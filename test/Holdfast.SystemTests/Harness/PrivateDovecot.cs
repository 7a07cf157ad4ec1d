using System.Diagnostics;
using System.Net.Sockets;

namespace Holdfast.SystemTests.Harness;

/// <summary>An IMAP server of its own with one mailbox, which a test fills by putting files into it.</summary>
internal sealed class PrivateDovecot(Workspace workspace, int port) : IAsyncDisposable
{
    public const string Password = "s3cret-of-the-canary";
    private readonly string _root = workspace.File("dovecot");
    private readonly string _inbox = workspace.File("dovecot/mail");
    private Process? _process;
    private int _count;

    public string Log => File.Exists(_root + "/log") ? File.ReadAllText(_root + "/log") : "";

    /// <summary>Messages that lie there now.</summary>
    public int Count => Directory.GetFiles(_inbox + "/new").Length + Directory.GetFiles(_inbox + "/cur").Length;

    public async Task StartAsync()
    {
        var program = Peer.Require("dovecot");
        if (Environment.UserName != "root")
        {
            if (Peer.InCi)
                Assert.Fail("a private dovecot needs root");
            Assert.Skip("a private dovecot needs root: this test was not run");
        }
        foreach (var folder in new[] { "run", "state", "home", "mail/new", "mail/cur", "mail/tmp" })
            Directory.CreateDirectory($"{_root}/{folder}");
        // Its workers are no longer root, and must get through the folders above.
        File.SetUnixFileMode(workspace.Path, (UnixFileMode)0x1ED);
        await Peer.RunAsync("/bin/chown", ["-R", "mail:mail", _inbox, _root + "/home"], TimeSpan.FromSeconds(10));
        await File.WriteAllTextAsync(_root + "/dovecot.conf", $$"""
            protocols = imap
            base_dir = {{_root}}/run
            state_dir = {{_root}}/state
            log_path = {{_root}}/log
            listen = 127.0.0.1
            ssl = no
            disable_plaintext_auth = no
            first_valid_uid = 1
            mail_location = maildir:{{_inbox}}
            passdb {
              driver = static
              args = password={{Password}}
            }
            userdb {
              driver = static
              args = uid=mail gid=mail home={{_root}}/home
            }
            service imap-login {
              inet_listener imap {
                port = {{port}}
              }
              inet_listener imaps {
                port = 0
              }
            }

            """);
        _process = Peer.Start(program, ["-F", "-c", _root + "/dovecot.conf"]);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        await Eventually.HoldsAsync(async () =>
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync("127.0.0.1", port);
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        }, TimeSpan.FromSeconds(10), () => Log);
    }

    /// <summary>Puts a message into the mailbox.</summary>
    public void Deliver(string content)
    {
        var name = $"{Interlocked.Increment(ref _count)}.canary.test";
        File.WriteAllText($"{_inbox}/tmp/{name}", content);
        File.SetUnixFileMode($"{_inbox}/tmp/{name}", (UnixFileMode)0x1B6);
        File.Move($"{_inbox}/tmp/{name}", $"{_inbox}/new/{name}");
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is null)
            return;
        using (var term = Process.Start("kill", $"-TERM {_process.Id}"))
            await term.WaitForExitAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10), TimeProvider.System);
        await _process.WaitForExitAsync(limit.Token);
        _process.Dispose();
    }
}
