using System.Net;
using System.Net.Sockets;

namespace Holdfast.Mail.Deliver;

/// <summary>A connection's bytes: a socket, or a pair of pipes in tests.</summary>
internal abstract class TargetTransport : IAsyncDisposable
{
    public abstract Stream Stream { get; }
    /// <summary>Breaks pending reads and writes off; called from another thread.</summary>
    public abstract void Abort();
    public abstract ValueTask DisposeAsync();
}

/// <summary>Opens connections to targets.</summary>
internal interface ITargetDialer
{
    /// <summary>Throws <see cref="SocketException"/> or <see cref="OperationCanceledException"/>.</summary>
    ValueTask<TargetTransport> DialAsync(IPEndPoint endpoint, CancellationToken abort);
}

internal sealed class SocketDialer : ITargetDialer
{
    public async ValueTask<TargetTransport> DialAsync(IPEndPoint endpoint, CancellationToken abort)
    {
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endpoint, abort).ConfigureAwait(false);
            return new SocketTransport(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private sealed class SocketTransport(Socket socket) : TargetTransport
    {
        private readonly NetworkStream _stream = new(socket, ownsSocket: true);

        public override Stream Stream => _stream;
        public override void Abort() => socket.Dispose();
        public override ValueTask DisposeAsync() => _stream.DisposeAsync();
    }
}
