using System.Diagnostics;

namespace Holdfast.SystemTests.Harness;

/// <summary>A Postfix instance with its own queue and configuration that relays everything to one port.</summary>
internal sealed class PrivatePostfix(Workspace workspace, string name, int port, int relayPort) : IAsyncDisposable
{
    private readonly string _root = workspace.File("postfix-" + name);
    private bool _started;

    public int Port => port;
    public string Log => File.Exists(_root + "/maillog") ? File.ReadAllText(_root + "/maillog") : "";

    public async Task StartAsync()
    {
        if (Environment.UserName != "root")
        {
            if (Peer.InCi)
                Assert.Fail("a private Postfix needs root");
            Assert.Skip("a private Postfix needs root: this test was not run");
        }
        var config = _root + "/etc";
        Directory.CreateDirectory(config);
        Directory.CreateDirectory(_root + "/queue");
        Directory.CreateDirectory(_root + "/data");
        // The queue is below a folder that only root may enter by default.
        File.SetUnixFileMode(Path.GetDirectoryName(_root)!, (UnixFileMode)0x1ED);
        await RunAsync("chown", "postfix", _root + "/data");
        await File.WriteAllTextAsync(config + "/main.cf", $"""
            compatibility_level = 3.6
            queue_directory = {_root}/queue
            data_directory = {_root}/data
            meta_directory = /etc/postfix
            shlib_directory = /usr/lib/postfix
            daemon_directory = /usr/lib/postfix/sbin
            command_directory = /usr/sbin
            maillog_file = {_root}/maillog
            maillog_file_prefixes = {_root}
            inet_interfaces = 127.0.0.1
            inet_protocols = ipv4
            myhostname = {name}.postfix.test
            mydestination =
            mynetworks = 127.0.0.0/8
            alias_maps =
            alias_database =
            local_recipient_maps =
            relayhost = [127.0.0.1]:{relayPort}
            smtp_host_lookup = native
            disable_dns_lookups = yes
            smtpd_peername_lookup = no
            """ + "\n");
        var master = await File.ReadAllTextAsync(
            File.Exists("/usr/share/postfix/master.cf.dist") ? "/usr/share/postfix/master.cf.dist" : "/etc/postfix/master.cf");
        var lines = master.Split('\n').Select(line =>
        {
            if (line.Length == 0 || line[0] is '#' or ' ' or '\t')
                return line;
            var fields = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length < 8)
                return line;
            if (fields[0] == "smtp" && fields[1] == "inet")
                fields[0] = $"127.0.0.1:{port}";
            fields[4] = "n";
            return string.Join(' ', fields);
        });
        await File.WriteAllTextAsync(config + "/master.cf", string.Join('\n', lines) + "\n");
        var (code, output) = await Peer.RunAsync("/usr/sbin/postfix", ["-c", config, "start"], TimeSpan.FromSeconds(30));
        _started = true;
        Assert.True(code == 0, output + Log);
    }

    public async ValueTask DisposeAsync()
    {
        if (_started)
            await Peer.RunAsync("/usr/sbin/postfix", ["-c", _root + "/etc", "stop"], TimeSpan.FromSeconds(30));
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync();
    }
}
