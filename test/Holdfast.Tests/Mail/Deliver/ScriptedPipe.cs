using System.IO.Pipelines;

namespace Holdfast.Tests.Mail.Deliver;

/// <summary>One direction of a scripted connection. Knows whether its reader waits and nothing is on its way to it, so
/// that a test can tell when all that could happen has happened.</summary>
internal sealed class ScriptedPipe
{
    private readonly Pipe _pipe = new(new PipeOptions(pauseWriterThreshold: 0));
    private readonly Action _moved;
    private long _written;
    private long _consumed;
    private long _examined;
    private bool _reading;
    private bool _ended;

    /// <param name="moved">Told of each thing that happens on the pipe.</param>
    public ScriptedPipe(Action moved)
    {
        _moved = moved;
        Reader = new Output(this);
        Writer = new Input(this);
    }

    public PipeReader Reader { get; }
    public PipeWriter Writer { get; }

    /// <summary>The reader waits, and goes on waiting until the writer does something.</summary>
    public bool IsWaitedFor => Volatile.Read(ref _reading) && !Volatile.Read(ref _ended)
        && Volatile.Read(ref _written) == Volatile.Read(ref _examined);

    /// <summary>What the reader waits for is about to be broken off.</summary>
    public void BreakOff()
    {
        Volatile.Write(ref _ended, true);
        _moved();
    }

    private sealed class Input(ScriptedPipe owner) : PipeWriter
    {
        private readonly PipeWriter _inner = owner._pipe.Writer;
        private int _pending;

        public override void Advance(int bytes)
        {
            _pending += bytes;
            _inner.Advance(bytes);
        }

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            // Before the reader can see them.
            Interlocked.Add(ref owner._written, _pending);
            _pending = 0;
            owner._moved();
            return _inner.FlushAsync(cancellationToken);
        }

        public override void Complete(Exception? exception = null)
        {
            owner.BreakOff();
            _inner.Complete(exception);
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => _inner.GetMemory(sizeHint);
        public override Span<byte> GetSpan(int sizeHint = 0) => _inner.GetSpan(sizeHint);
        public override void CancelPendingFlush() => _inner.CancelPendingFlush();
    }

    private sealed class Output(ScriptedPipe owner) : PipeReader
    {
        private readonly PipeReader _inner = owner._pipe.Reader;
        private System.Buffers.ReadOnlySequence<byte> _latest;

        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            Volatile.Write(ref owner._reading, true);
            try
            {
                var read = await _inner.ReadAsync(cancellationToken);
                _latest = read.Buffer;
                return read;
            }
            finally
            {
                Volatile.Write(ref owner._reading, false);
                owner._moved();
            }
        }

        public override bool TryRead(out ReadResult result)
        {
            var any = _inner.TryRead(out result);
            if (any)
                _latest = result.Buffer;
            return any;
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            var seen = owner._consumed + _latest.Slice(_latest.Start, examined).Length;
            owner._consumed += _latest.Slice(_latest.Start, consumed).Length;
            Volatile.Write(ref owner._examined, seen);
            _inner.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead() => _inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => _inner.Complete(exception);
    }
}
