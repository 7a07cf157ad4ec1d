using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Holdfast.Mail.Receive;
using Holdfast.SystemTests.Harness;
using Microsoft.AspNetCore.Connections;

namespace Holdfast.SystemTests;

/// <summary>The receiving end's own connections, over real sockets.</summary>
public sealed class SocketConnectionTests : IAsyncLifetime
{
    private static readonly TimeSpan _soon = TimeSpan.FromSeconds(20);

    private readonly CountingPool _pool = new();
    private Socket _client = null!;
    private SocketConnection _server = null!;

    public async ValueTask InitializeAsync()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        _client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await _client.ConnectAsync(listener.LocalEndpoint);
        _server = new SocketConnection(await listener.AcceptSocketAsync(), _pool);
        _server.Start();
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task What_is_sent_in_pieces_of_any_size_arrives_as_it_was_both_ways()
    {
        var random = new Random(11);
        var sent = new byte[3 << 20];
        random.NextBytes(sent);
        var sending = Task.Run(async () =>
        {
            var pieces = new Random(12);
            for (var at = 0; at < sent.Length;)
            {
                var count = Math.Min(sent.Length - at, pieces.Next(4) == 0 ? pieces.Next(200_000) : pieces.Next(1, 6000));
                at += await _client.SendAsync(sent.AsMemory(at, count));
            }
        });
        var echoed = new byte[sent.Length];
        var reading = Task.Run(async () =>
        {
            for (var at = 0; at < echoed.Length;)
                at += await _client.ReceiveAsync(echoed.AsMemory(at));
        });
        var arrived = new ArrayBufferWriter<byte>();
        while (arrived.WrittenCount < sent.Length)
        {
            var read = await _server.Transport.Input.ReadAsync();
            foreach (var piece in read.Buffer)
            {
                arrived.Write(piece.Span);
                await _server.Transport.Output.WriteAsync(piece);
            }
            _server.Transport.Input.AdvanceTo(read.Buffer.End);
        }
        await sending;
        await reading.WaitAsync(_soon);
        Assert.True(arrived.WrittenSpan.SequenceEqual(sent));
        Assert.True(echoed.AsSpan().SequenceEqual(sent));
    }

    [Fact]
    public async Task Much_is_read_in_large_blocks_and_who_then_waits_holds_one_at_most()
    {
        const int Bytes = 500_000;
        Assert.InRange(_pool.HeldBytes, 1, 8 << 10);
        for (var at = 0; at < Bytes;)
            at += await _client.SendAsync(new byte[Bytes - at]);
        for (long seen = 0; seen < Bytes;)
        {
            var read = await _server.Transport.Input.ReadAsync();
            seen += read.Buffer.Length;
            _server.Transport.Input.AdvanceTo(read.Buffer.End);
        }
        Assert.Equal(64 << 10, _pool.Largest);
        // We may be on the thread that reads, before it waits.
        await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System);
        Assert.InRange(_pool.HeldBytes, 0, 64 << 10);
    }

    [Fact]
    public async Task What_nobody_reads_is_bounded()
    {
        var sent = 0L;
        _client.Blocking = false;
        await Eventually.HoldsAsync(() =>
        {
            var before = sent;
            try
            {
                while (true)
                    sent += _client.Send(new byte[64 << 10]);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
            {
                return sent == before;
            }
        }, _soon, () => $"it took {sent} bytes");
        Assert.InRange(_pool.HeldBytes, 64 << 10, 3 * (64 << 10));
    }

    [Fact]
    public async Task The_clients_end_is_told_and_ends_the_input_after_what_was_sent()
    {
        await _client.SendAsync("QUIT\r\n"u8.ToArray());
        _client.Shutdown(SocketShutdown.Send);
        await Eventually.HoldsAsync(() => _server.ConnectionClosed.IsCancellationRequested, _soon, () => "not told");
        var read = await _server.Transport.Input.ReadAsync();
        Assert.Equal(6, read.Buffer.Length);
        _server.Transport.Input.AdvanceTo(read.Buffer.End);
        Assert.True((await _server.Transport.Input.ReadAsync()).IsCompleted);
    }

    [Fact]
    public async Task What_was_written_is_sent_before_the_end()
    {
        await _server.Transport.Output.WriteAsync("221 bye\r\n"u8.ToArray());
        await _server.DisposeAsync();
        var buffer = new byte[100];
        Assert.Equal(9, await _client.ReceiveAsync(buffer.AsMemory()));
        Assert.Equal(0, await _client.ReceiveAsync(buffer.AsMemory()));
    }

    [Fact]
    public async Task An_abort_ends_reads_and_writes_under_way()
    {
        var reading = _server.Transport.Input.ReadAsync().AsTask();
        var writing = Task.Run(async () =>
        {
            FlushResult flushed;
            do flushed = await _server.Transport.Output.WriteAsync(new byte[1 << 20]);
            while (!flushed.IsCompleted);
        });
        _server.Abort(new ConnectionAbortedException("test"));
        await Assert.ThrowsAsync<ConnectionAbortedException>(() => reading.WaitAsync(_soon));
        await writing.WaitAsync(_soon);
        await _server.DisposeAsync();
        Assert.Equal(0, _pool.HeldBytes);
    }

    [Fact]
    public async Task A_connection_that_the_client_resets_says_so()
    {
        _client.LingerState = new LingerOption(true, 0);
        _client.Dispose();
        await Assert.ThrowsAsync<ConnectionResetException>(
            () => _server.Transport.Input.ReadAsync().AsTask().WaitAsync(_soon));
    }

    /// <summary>Knows what is rented from it.</summary>
    private sealed class CountingPool : MemoryPool<byte>
    {
        private readonly ConcurrentDictionary<Block, byte> _rented = new();

        public override int MaxBufferSize => 1 << 20;
        public int Largest { get; private set; }
        public long HeldBytes => _rented.Keys.Sum(b => (long)b.Memory.Length);

        public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
        {
            var block = new Block(this, new byte[Math.Max(minBufferSize, 1)]);
            Largest = Math.Max(Largest, block.Memory.Length);
            _rented.TryAdd(block, 0);
            return block;
        }

        protected override void Dispose(bool disposing)
        {
        }

        private sealed class Block(CountingPool pool, byte[] bytes) : IMemoryOwner<byte>
        {
            public Memory<byte> Memory { get; } = bytes;
            public void Dispose() => pool._rented.TryRemove(this, out _);
        }
    }
}
