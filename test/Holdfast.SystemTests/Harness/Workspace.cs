using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Holdfast.SystemTests.Harness;

/// <summary>A folder of its own for one test, removed at the end, and free loopback ports.</summary>
internal sealed class Workspace : IDisposable
{
    private static readonly Lock PortGate = new();
    private static readonly HashSet<int> Handed = [];
    /// <summary>Runs beside each other begin in different places.</summary>
    private static int _lastPort = Environment.ProcessId * 97 % 22_000;

    public Workspace([CallerMemberName] string name = "")
    {
        Path = Directory.CreateTempSubdirectory($"holdfast-{name[..Math.Min(name.Length, 24)]}-").FullName;
    }

    public static string RepositoryRoot { get; } = FindRoot();

    public string Path { get; }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>A port that nobody listens on now and that this run hands out once. From below the range out of which
    /// the system takes ports for outgoing connections (32768 and above): one of those could take it while a gateway
    /// that is to listen there again is down.</summary>
    public static int FreePort()
    {
        const int from = 10_000, count = 22_000;
        lock (PortGate)
        {
            while (true)
            {
                _lastPort = (_lastPort + 1) % count;
                if (!Handed.Add(from + _lastPort))
                    continue;
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                try
                {
                    socket.Bind(new IPEndPoint(IPAddress.Loopback, from + _lastPort));
                    return from + _lastPort;
                }
                catch (SocketException)
                {
                    // Somebody listens there.
                }
            }
        }
    }

    public void Dispose()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (IOException)
        {
            // A process that is still going down may hold a file; the folder is in the system's temporary place.
        }
    }

    private static string FindRoot()
    {
        for (var dir = new DirectoryInfo(AppContext.BaseDirectory); dir is not null; dir = dir.Parent)
        {
            if (System.IO.File.Exists(System.IO.Path.Combine(dir.FullName, "Holdfast.slnx")))
                return dir.FullName;
        }
        throw new InvalidOperationException("Holdfast.slnx not found above " + AppContext.BaseDirectory);
    }
}
