using System.IO.Pipelines;
using System.Net.Security;

namespace Holdfast.Mail.Receive;

/// <summary>TLS over a pair of pipes, as a new pair. After it is made, only the new pair may be used.</summary>
internal sealed class TlsTransport : IDuplexPipe, IAsyncDisposable
{
    private readonly SslStream _tls;

    private TlsTransport(SslStream tls)
    {
        _tls = tls;
        Input = PipeReader.Create(tls, new StreamPipeReaderOptions(leaveOpen: true));
        Output = PipeWriter.Create(tls, new StreamPipeWriterOptions(leaveOpen: true));
    }

    public PipeReader Input { get; }
    public PipeWriter Output { get; }

    /// <summary>"TLS1.3", for Received: headers and metrics.</summary>
    public string Protocol => _tls.SslProtocol switch
    {
        System.Security.Authentication.SslProtocols.Tls13 => "TLS1.3",
        System.Security.Authentication.SslProtocols.Tls12 => "TLS1.2",
        var other => other.ToString(),
    };

    public string Cipher => _tls.NegotiatedCipherSuite.ToString();

    /// <exception cref="System.Security.Authentication.AuthenticationException">The client spoke no usable TLS.
    /// </exception>
    /// <exception cref="IOException">The connection ended.</exception>
    public static async Task<TlsTransport> AuthenticateAsync(IDuplexPipe plain, SslServerAuthenticationOptions options,
        CancellationToken abort)
    {
        var tls = new SslStream(new DuplexStream(plain));
        try
        {
            await tls.AuthenticateAsServerAsync(options, abort).ConfigureAwait(false);
            return new TlsTransport(tls);
        }
        catch
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Says goodbye (close_notify), so that the peer can tell the end from a cut.</summary>
    public async Task ShutdownAsync()
    {
        try
        {
            await _tls.ShutdownAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or OperationCanceledException)
        {
            // the peer went first
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Input.CompleteAsync().ConfigureAwait(false);
        try
        {
            await Output.CompleteAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or OperationCanceledException)
        {
            // what was unsent can't be sent any more
        }
        await _tls.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>The two pipes as one stream, as SslStream wants it.</summary>
    private sealed class DuplexStream(IDuplexPipe pipe) : Stream
    {
        private readonly Stream _input = pipe.Input.AsStream(leaveOpen: true);
        private readonly Stream _output = pipe.Output.AsStream(leaveOpen: true);

        public override bool CanRead => true;
        public override bool CanWrite => true;
        public override bool CanSeek => false;
        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            _input.ReadAsync(buffer, cancellationToken);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer,
            CancellationToken cancellationToken = default) => _output.WriteAsync(buffer, cancellationToken);

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count,
            CancellationToken cancellationToken) => _input.ReadAsync(buffer, offset, count, cancellationToken);

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            _output.WriteAsync(buffer, offset, count, cancellationToken);

        public override Task FlushAsync(CancellationToken cancellationToken) => _output.FlushAsync(cancellationToken);

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override void Flush() { }
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
