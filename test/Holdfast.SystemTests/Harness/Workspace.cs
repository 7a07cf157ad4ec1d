using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Holdfast.SystemTests.Harness;

/// <summary>A folder of its own for one test, removed at the end, and free loopback ports.</summary>
internal sealed class Workspace : IDisposable
{
    private static readonly Lock PortGate = new();
    private static readonly HashSet<int> Handed = [];

    public Workspace([CallerMemberName] string name = "")
    {
        Path = Directory.CreateTempSubdirectory($"holdfast-{name[..Math.Min(name.Length, 24)]}-").FullName;
    }

    public static string RepositoryRoot { get; } = FindRoot();

    public string Path { get; }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>A port that nobody listens on now and that this run hands out once.</summary>
    public static int FreePort()
    {
        lock (PortGate)
        {
            while (true)
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
                var port = ((IPEndPoint)socket.LocalEndPoint!).Port;
                if (Handed.Add(port))
                    return port;
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
