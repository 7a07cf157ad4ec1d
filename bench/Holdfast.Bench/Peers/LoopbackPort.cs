using System.Net;
using System.Net.Sockets;

namespace Holdfast.Bench.Peers;

/// <summary>Ports for what is measured.</summary>
internal static class LoopbackPort
{
    private const int First = 10_000;
    private const int Range = 22_000;
    private static int s_next = Environment.ProcessId * 131 % Range;

    /// <summary>A port that nobody listens on, nor on the one behind it. Below the range out of which the system takes
    /// ports for outgoing connections: what doesn't listen for a while would lose its own to one of those.</summary>
    public static int Free()
    {
        while (true)
        {
            var port = First + (Interlocked.Add(ref s_next, 2) % Range);
            if (IsFree(port) && IsFree(port + 1))
                return port;
        }
    }

    private static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
