using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Holdfast.Tests.Mail.Receive;

/// <summary>A connection made of two pipes; the client's side is <see cref="Client"/>.</summary>
internal sealed class MemoryConnection : ConnectionContext
{
    private readonly Pipe _toServer = new();
    private readonly Pipe _toClient = new();
    private readonly CancellationTokenSource _closed = new();
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public MemoryConnection(IPEndPoint remote)
    {
        RemoteEndPoint = remote;
        Transport = new Duplex(_toServer.Reader, _toClient.Writer);
        Client = new Duplex(_toClient.Reader, _toServer.Writer);
        ConnectionClosed = _closed.Token;
    }

    public override string ConnectionId { get; set; } = "memory";
    public override IFeatureCollection Features { get; } = new FeatureCollection();
    public override IDictionary<object, object?> Items { get; set; } = new Dictionary<object, object?>();
    public override IDuplexPipe Transport { get; set; }
    public override EndPoint? RemoteEndPoint { get; set; }
    public override CancellationToken ConnectionClosed { get; set; }
    public IDuplexPipe Client { get; }
    public Task Disposed => _disposed.Task;
    public bool WasAborted { get; private set; }

    public override void Abort(ConnectionAbortedException abortReason)
    {
        WasAborted = true;
        _closed.Cancel();
        _toServer.Writer.Complete(abortReason);
        _toServer.Reader.CancelPendingRead();
        _toClient.Reader.Complete(abortReason);
    }

    /// <summary>The client goes without a word.</summary>
    public void Drop()
    {
        _toServer.Writer.Complete();
        _toClient.Reader.Complete();
        _closed.Cancel();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _disposed.TrySetResult();
    }

    internal sealed class Duplex(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input { get; } = input;
        public PipeWriter Output { get; } = output;
    }
}

/// <summary>Listeners that tests connect to without a port.</summary>
internal sealed class MemoryListenerFactory : IConnectionListenerFactory
{
    private readonly Dictionary<string, MemoryListener> _listeners = [];

    /// <summary>Endpoints that can't be had.</summary>
    public HashSet<string> Taken { get; } = [];

    public int Bound => _listeners.Count;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var key = endpoint.ToString()!;
        if (Taken.Contains(key))
            throw new SocketException((int)SocketError.AddressAlreadyInUse);
        var listener = new MemoryListener(endpoint, () => _listeners.Remove(key));
        _listeners.Add(key, listener);
        return ValueTask.FromResult<IConnectionListener>(listener);
    }

    public MemoryConnection Connect(string endpoint, string from)
    {
        var connection = new MemoryConnection(new IPEndPoint(IPAddress.Parse(from), 40_000));
        Assert.True(_listeners[endpoint].Arriving.Writer.TryWrite(connection));
        return connection;
    }

    private sealed class MemoryListener(EndPoint endpoint, Action unbound) : IConnectionListener
    {
        public Channel<ConnectionContext> Arriving { get; } = Channel.CreateBounded<ConnectionContext>(10_000);
        public EndPoint EndPoint { get; } = endpoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) =>
            await Arriving.Reader.WaitToReadAsync(cancellationToken) && Arriving.Reader.TryRead(out var connection)
                ? connection : null;

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            if (Arriving.Writer.TryComplete())
                unbound();
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync() => UnbindAsync();
    }
}
