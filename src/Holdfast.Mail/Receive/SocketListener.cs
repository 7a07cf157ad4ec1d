using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace Holdfast.Mail.Receive;

/// <summary>Listens on TCP and hands out connections of <see cref="SocketConnection"/>.</summary>
/// <remarks>Kestrel's own listener spins when the process has no file descriptors left; here the caller sees the
/// exception and pauses.</remarks>
internal sealed class SocketListenerFactory : IConnectionListenerFactory
{
    /// <summary>Enough for the connects of a second at full speed; the kernel cuts it to net.core.somaxconn.</summary>
    private const int Backlog = 4096;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endpoint is IPEndPoint { Address: var address } && address.Equals(IPAddress.IPv6Any))
                socket.DualMode = true;
            socket.Bind(endpoint);
            socket.Listen(Backlog);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
        return ValueTask.FromResult<IConnectionListener>(new SocketListener(socket));
    }

    private sealed class SocketListener(Socket socket) : IConnectionListener
    {
        public EndPoint EndPoint { get; } = socket.LocalEndPoint!;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            try
            {
                var accepted = await socket.AcceptAsync(cancellationToken).ConfigureAwait(false);
                accepted.NoDelay = true;
                var connection = new SocketConnection(accepted, MemoryPool<byte>.Shared);
                connection.Start();
                return connection;
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException
                { SocketErrorCode: SocketError.OperationAborted })
            {
                return null;
            }
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            socket.Dispose();
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync() => UnbindAsync();
    }
}
