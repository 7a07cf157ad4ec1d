using System.Net;
using System.Net.Sockets;

namespace Holdfast.Mail.Deliver;

/// <summary>What waits unread on a connection.</summary>
internal enum Unread : byte
{
    Nothing = 0,
    /// <summary>Octets that nobody asked for yet.</summary>
    Octets = 1,
    /// <summary>The other side has closed.</summary>
    End = 2,
}

/// <summary>A connection's bytes: a socket, or a pair of pipes in tests.</summary>
internal abstract class TargetTransport : IAsyncDisposable
{
    public abstract Stream Stream { get; }
    /// <summary>What could be read now; doesn't wait and reads nothing. Not while a read is under way.</summary>
    public abstract Unread Peek();
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

        public override Unread Peek()
        {
            try
            {
                return !socket.Poll(0, SelectMode.SelectRead) ? Unread.Nothing
                    : socket.Available > 0 ? Unread.Octets : Unread.End;
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return Unread.End;
            }
        }

        public override void Abort() => socket.Dispose();
        public override ValueTask DisposeAsync() => _stream.DisposeAsync();
    }
}
