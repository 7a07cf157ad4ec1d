using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Holdfast.Operator;

/// <summary>Through which door a request came, and who stands there. A connection feature.</summary>
/// <param name="MayAct">True for the Unix socket only.</param>
/// <param name="Actor">"uid 1000" for the socket, as the kernel says; the address for HTTP.</param>
internal sealed record OperatorDoor(bool MayAct, string Actor)
{
    /// <summary>SOL_SOCKET and SO_PEERCRED of Linux (asm-generic/socket.h).</summary>
    private const int SolSocket = 1, SoPeerCred = 17;

    public static OperatorDoor ForHttp(ConnectionContext connection) =>
        new(false, connection.RemoteEndPoint?.ToString() ?? "http");

    public static OperatorDoor ForSocket(ConnectionContext connection) =>
        new(true, connection.Features.Get<IConnectionSocketFeature>() is { } feature
            && TryGetPeerUid(feature.Socket) is { } uid ? $"uid {uid}" : "local socket");

    /// <summary>User at the other end of a Unix socket (struct ucred: pid, uid, gid), or null when not told.</summary>
    private static uint? TryGetPeerUid(Socket socket)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        Span<byte> credentials = stackalloc byte[12];
        try
        {
            return socket.GetRawSocketOption(SolSocket, SoPeerCred, credentials) == credentials.Length
                ? BitConverter.ToUInt32(credentials[4..]) : null;
        }
        catch (SocketException)
        {
            return null;
        }
    }
}
