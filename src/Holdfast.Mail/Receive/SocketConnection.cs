using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Holdfast.Mail.Receive;

/// <summary>An accepted socket as two pipes. Reads grow with what arrives: a command takes 4 KiB, a message that comes
/// fast 64 KiB a receive call.</summary>
/// <remarks>
/// Promise: both sides are bounded by <see cref="UnreadMax"/> and one block. Who waits for a command mostly holds 4 or
/// 8 KiB, since a larger block is given back when a read didn't fill it; after one that did, it may hold 64 KiB. What
/// waits for a read goes on on the thread that saw the socket's event.
/// Not Kestrel's own connection, since that one reads 4 KiB at a time (64 KiB: bench/results/tuning.md) and a pool of
/// larger blocks can be given to it only together with its listener, which spins when descriptors run out.
/// </remarks>
internal sealed class SocketConnection : ConnectionContext, IDuplexPipe
{
    /// <summary>Bytes that pile up unread before we stop reading from the socket.</summary>
    private const int UnreadMax = 64 << 10;
    private const int BlockMin = 4 << 10;
    private const int BlockMax = 64 << 10;
    /// <summary>Above it a block isn't held while nothing arrives: two calls a read instead of one.</summary>
    private const int HeldMax = 8 << 10;

    private readonly Socket _socket;
    private readonly Pipe _received;
    private readonly Pipe _toSend;
    private readonly CancellationTokenSource _closed = new();
    private Task _receiving = Task.CompletedTask;
    private Task _sending = Task.CompletedTask;
    private int _isShut;

    public SocketConnection(Socket socket, MemoryPool<byte> pool)
    {
        _socket = socket;
        var options = new PipeOptions(pool, PipeScheduler.Inline, PipeScheduler.Inline, UnreadMax, UnreadMax / 2,
            BlockMin, useSynchronizationContext: false);
        (_received, _toSend) = (new Pipe(options), new Pipe(options));
        LocalEndPoint = socket.LocalEndPoint;
        RemoteEndPoint = socket.RemoteEndPoint;
        ConnectionClosed = _closed.Token;
        Transport = this;
    }

    public override string ConnectionId { get; set; } = "";
    public override IFeatureCollection Features { get; } = new FeatureCollection(0);
    public override IDictionary<object, object?> Items { get; set; } = new ConnectionItems();
    public override IDuplexPipe Transport { get; set; }
    public override EndPoint? LocalEndPoint { get; set; }
    public override EndPoint? RemoteEndPoint { get; set; }
    /// <summary>Cancelled when the client has closed its side, or the connection broke.</summary>
    public override CancellationToken ConnectionClosed { get; set; }

    PipeReader IDuplexPipe.Input => _received.Reader;
    PipeWriter IDuplexPipe.Output => _toSend.Writer;

    public void Start()
    {
        _receiving = ReceiveAsync();
        _sending = SendAsync();
    }

    /// <summary>What is unsent stays so; reads and writes under way end. From any thread.</summary>
    public override void Abort(ConnectionAbortedException abortReason)
    {
        Shut();
        _toSend.Reader.CancelPendingRead();
    }

    /// <summary>Sends what was written, closes, and waits for both sides to end.</summary>
    public override async ValueTask DisposeAsync()
    {
        await _received.Reader.CompleteAsync().ConfigureAwait(false);
        await _toSend.Writer.CompleteAsync().ConfigureAwait(false);
        await _sending.ConfigureAwait(false);
        await _receiving.ConfigureAwait(false);
        _closed.Dispose();
        await base.DisposeAsync().ConfigureAwait(false);
    }

    private async Task ReceiveAsync()
    {
        Exception? fault = null;
        try
        {
            await FillAsync(_received.Writer).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            fault = new ConnectionResetException(e.Message, e);
        }
        // Our own end may look like any other, the client's included.
        if (Volatile.Read(ref _isShut) != 0)
            fault = new ConnectionAbortedException("the connection was closed by us");
        await _received.Writer.CompleteAsync(fault).ConfigureAwait(false);
        await _closed.CancelAsync().ConfigureAwait(false);
    }

    private async Task FillAsync(PipeWriter writer)
    {
        var block = BlockMin;
        var isDry = false;
        while (true)
        {
            if (isDry && block > HeldMax)
                await _socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None).ConfigureAwait(false);
            var memory = writer.GetMemory(block);
            var count = await _socket.ReceiveAsync(memory, SocketFlags.None).ConfigureAwait(false);
            if (count == 0)
                return;
            isDry = count < memory.Length;
            if (!isDry)
                block = Math.Min(block * 2, BlockMax);
            else if (count < block / 4)
                block = Math.Max(block / 2, BlockMin);
            writer.Advance(count);
            var flushed = await writer.FlushAsync().ConfigureAwait(false);
            if (flushed.IsCompleted || flushed.IsCanceled)
                return;
        }
    }

    private async Task SendAsync()
    {
        var reader = _toSend.Reader;
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync().ConfigureAwait(false);
                if (read.IsCanceled)
                    break;
                foreach (var piece in read.Buffer)
                    await _socket.SendAsync(piece, SocketFlags.None).ConfigureAwait(false);
                reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                    break;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The client went; whoever reads from it is told.
        }
        Shut();
        await reader.CompleteAsync().ConfigureAwait(false);
        _received.Writer.CancelPendingFlush();
    }

    private void Shut()
    {
        if (Interlocked.Exchange(ref _isShut, 1) != 0)
            return;
        try
        {
            // Dispose alone would leave what waits for the socket waiting.
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It had ended before.
        }
        _socket.Dispose();
    }
}
