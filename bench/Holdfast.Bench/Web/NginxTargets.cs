using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Holdfast.Bench.Web;

/// <summary>nginx as the targets of plain throughput: they take the least of the machine that proxies and generator share.
/// </summary>
internal sealed class NginxTargets : IDisposable
{
    private readonly Process _process;

    private NginxTargets(Process process) => _process = process;

    public static NginxTargets Start(IReadOnlyList<WebBackend> backends, string folder)
    {
        var config = Path.Combine(folder, "targets.conf");
        File.WriteAllText(config, NginxConfig.WriteTargets(backends, folder));
        var targets = new NginxTargets(Process.Start("nginx", ["-c", config, "-e", Path.Combine(folder, "error.log")]));
        using var pause = new ManualResetEventSlim();
        for (var tries = 0; tries < 100 && !Listens(backends[^1].Port); tries++)
            pause.Wait(TimeSpan.FromMilliseconds(50));
        return targets;
    }

    public void Dispose()
    {
        using var kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
        kill.WaitForExit();
        _process.WaitForExit(5_000);
        _process.Dispose();
    }

    private static bool Listens(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
