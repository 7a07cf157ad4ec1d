using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace Holdfast.Mail.Receive;

/// <summary>Listens on TCP and hands out connections as Kestrel's socket transport makes them.</summary>
/// <remarks>Kestrel's own listener spins when the process has no file descriptors left; here the caller sees the
/// exception and pauses.</remarks>
internal sealed class SocketListenerFactory(ILoggerFactory loggers) : IConnectionListenerFactory, IDisposable
{
    /// <summary>Enough for the connects of a second at full speed; the kernel cuts it to net.core.somaxconn.</summary>
    private const int Backlog = 4096;
    /// <summary>Unread bytes a connection may pile up before we stop reading from its socket.</summary>
    private const int ReadBufferMax = 64 << 10;

    private readonly SocketConnectionContextFactory _connections = new(
        new SocketConnectionFactoryOptions
        {
            IOQueueCount = 0,
            MaxReadBufferSize = ReadBufferMax,
            MaxWriteBufferSize = ReadBufferMax,
            // Our loop neither blocks nor computes for long between reads, so a hop to another thread only costs.
            UnsafePreferInlineScheduling = true,
            // One receive call a read instead of two; costs 4 KiB an idle connection.
            WaitForDataBeforeAllocatingBuffer = false,
        },
        loggers.CreateLogger<SocketListenerFactory>());

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
        return ValueTask.FromResult<IConnectionListener>(new SocketListener(socket, _connections));
    }

    public void Dispose() => _connections.Dispose();

    private sealed class SocketListener(Socket socket, SocketConnectionContextFactory connections) : IConnectionListener
    {
        public EndPoint EndPoint { get; } = socket.LocalEndPoint!;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            try
            {
                var accepted = await socket.AcceptAsync(cancellationToken).ConfigureAwait(false);
                accepted.NoDelay = true;
                return connections.Create(accepted);
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
