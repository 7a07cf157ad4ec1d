using System.Diagnostics;

namespace Holdfast.SystemTests.Harness;

/// <summary>A Postfix instance with its own queue and configuration that relays everything to one port.</summary>
/// <param name="settings">More lines for main.cf.</param>
internal sealed class PrivatePostfix(Workspace workspace, string name, int port, int relayPort, string settings = "")
    : IAsyncDisposable
{
    private readonly string _root = workspace.File("postfix-" + name);
    private bool _started;

    public int Port => port;
    public string Log => File.Exists(PostfixFiles.LogIn(_root)) ? File.ReadAllText(PostfixFiles.LogIn(_root)) : "";

    public async Task StartAsync()
    {
        var program = Peer.Require("postfix");
        if (Environment.UserName != "root")
        {
            if (Peer.InCi)
                Assert.Fail("a private Postfix needs root");
            Assert.Skip("a private Postfix needs root: this test was not run");
        }
        PostfixFiles.Write(_root, $"{name}.postfix.test", port, relayPort, settings);
        // The queue is below a folder that only root may enter by default.
        File.SetUnixFileMode(Path.GetDirectoryName(_root)!, (UnixFileMode)0x1ED);
        await RunAsync("chown", "postfix", _root + "/data");
        var (code, output) = await Peer.RunAsync(program, ["-c", PostfixFiles.EtcIn(_root), "start"],
            TimeSpan.FromSeconds(30));
        _started = true;
        Assert.True(code == 0, output + Log);
    }

    public async ValueTask DisposeAsync()
    {
        if (_started)
            await Peer.RunAsync("/usr/sbin/postfix", ["-c", PostfixFiles.EtcIn(_root), "stop"], TimeSpan.FromSeconds(30));
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync();
    }
}
