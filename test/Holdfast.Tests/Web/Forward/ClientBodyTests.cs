using System.IO.Pipelines;
using CsCheck;
using Holdfast.Web.Forward;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Web.Forward;

public sealed class ClientBodyTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly Pipe _pipe = new(new PipeOptions(pauseWriterThreshold: 0));
    private readonly ClientBody _body;

    public ClientBodyTests() => _body = new ClientBody(_pipe.Reader.AsStream(), _time);

    private static CancellationToken Abort => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_body_that_is_there_is_not_slow_and_begins_at_once()
    {
        await _pipe.Writer.WriteAsync(new byte[ClientBody.BeginBytes + 1], Abort);
        await _body.BeginAsync(Abort);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.False(_body.IsSlow);
        Assert.False(_body.HasEnded);
    }

    [Fact]
    public async Task A_client_that_is_waited_for_is_slow_after_a_moment_and_what_it_sends_then_comes_through()
    {
        await _pipe.Writer.WriteAsync(new byte[] { 1, 2, 3 }, Abort);
        var begins = _body.BeginAsync(Abort).AsTask();
        _time.Advance(TimeSpan.FromMilliseconds(99));
        Assert.False(_body.IsSlow);
        _time.Advance(TimeSpan.FromMilliseconds(150));
        Assert.False(begins.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await begins;
        Assert.True(_body.IsSlow);
        var buffer = new byte[2];
        Assert.Equal(2, await _body.ReadAsync(buffer, Abort));
        Assert.Equal(1, await _body.ReadAsync(buffer, Abort));
        var reads = _body.ReadAsync(buffer, Abort).AsTask();
        Assert.False(reads.IsCompleted);
        await _pipe.Writer.WriteAsync(new byte[] { 4 }, Abort);
        Assert.Equal((1, (byte)4), (await reads, buffer[0]));
        await _pipe.Writer.CompleteAsync();
        Assert.Equal(0, await _body.ReadAsync(buffer, Abort));
        Assert.True(_body.HasEnded);
    }

    [Fact]
    public async Task A_client_that_drips_without_a_pause_is_slow_too_and_one_that_waits_for_us_is_not()
    {
        var begins = _body.BeginAsync(Abort).AsTask();
        for (var i = 0; i < 3; i++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(80));
            await _pipe.Writer.WriteAsync(new byte[] { 1 }, Abort);
        }
        _time.Advance(TimeSpan.FromMilliseconds(80));
        await begins;
        Assert.True(_body.IsSlow);
        // From here on it is the target that takes its time.
        await _pipe.Writer.WriteAsync(new byte[] { 1 }, Abort);
        for (var got = 0; got < 4;)
            got += await _body.ReadAsync(new byte[100], Abort);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.False(_body.IsSlow);
    }

    [Fact]
    public async Task A_body_that_fails_says_so_and_one_that_is_given_up_does_not()
    {
        using var left = new CancellationTokenSource();
        var reads = _body.ReadAsync(new byte[1], left.Token).AsTask();
        await left.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reads);
        Assert.False(_body.HasFailed);
        await _pipe.Writer.CompleteAsync(new IOException("gone"));
        await Assert.ThrowsAsync<IOException>(() => _body.ReadAsync(new byte[1], Abort).AsTask());
        Assert.True(_body.HasFailed);
    }

    [Fact]
    public async Task However_it_comes_and_is_read_it_is_the_same() => await Gen.Select(
        Gen.Byte.Array[0, 40_000], Gen.Int[1, 30_000], Gen.Int[1, 30_000]).SampleAsync(async (bytes, written, read) =>
        {
            var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
            var body = new ClientBody(pipe.Reader.AsStream(), _time);
            var writes = Task.Run(async () =>
            {
                for (var at = 0; at < bytes.Length; at += written)
                    await pipe.Writer.WriteAsync(bytes.AsMemory(at, Math.Min(written, bytes.Length - at)));
                await pipe.Writer.CompleteAsync();
            });
            await body.BeginAsync(CancellationToken.None);
            var got = new List<byte>();
            var buffer = new byte[read];
            for (int n; (n = await body.ReadAsync(buffer, CancellationToken.None)) > 0;)
                got.AddRange(buffer.AsSpan(0, n));
            await writes;
            Assert.Equal(bytes, got);
        }, iter: 50);
}
