using System.Threading.Tasks.Sources;
using Holdfast.Storage.Disk;

namespace Holdfast.Storage.Segments;

/// <summary>One append (or sync request) on its way, reused when its result has been taken.</summary>
/// <remarks>Continuations run on the thread that completes it: see <see cref="Completions"/>.</remarks>
internal sealed class AppendOperation(AppendIntake owner) : IValueTaskSource<RecordLocation>, IValueTaskSource
{
    private ManualResetValueTaskSourceCore<RecordLocation> _core;

    public AppendIntake Owner => owner;
    public AppendOperation? Next { get; set; }
    public byte Kind { get; private set; }
    public Durability Durability { get; private set; }
    /// <summary>True for a request to sync that carries no record.</summary>
    public bool IsSync { get; private set; }
    public ReadOnlyMemory<byte> Head { get; private set; }
    public ReadOnlyMemory<byte> Body { get; private set; }
    public IReadOnlyList<ReadOnlyMemory<byte>>? Pieces { get; private set; }
    public uint Length { get; private set; }
    /// <summary>Of the payload; taken on the producer's thread, so that the one writer needn't.</summary>
    public uint Checksum { get; private set; }
    /// <summary>Set when the record gets its place.</summary>
    public RecordLocation Location { get; set; }

    public ValueTask<RecordLocation> AsAppend => new(this, _core.Version);
    public ValueTask AsSync => new(this, _core.Version);

    public void SetRecord(byte kind, ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> body,
        IReadOnlyList<ReadOnlyMemory<byte>>? pieces, uint length, Durability durability)
    {
        Kind = kind;
        Head = head;
        Body = body;
        Pieces = pieces;
        Length = length;
        Durability = durability;
        IsSync = false;
        var state = Segments.Checksum.Add(Segments.Checksum.Start, head.Span);
        state = Segments.Checksum.Add(state, body.Span);
        for (var i = 0; i < (pieces?.Count ?? 0); i++) state = Segments.Checksum.Add(state, pieces![i].Span);
        Checksum = Segments.Checksum.Finish(state);
    }

    public void SetSync()
    {
        SetRecord(0, default, default, null, 0, Durability.Synced);
        IsSync = true;
    }

    /// <summary>Completes it with the location, or fails it.</summary>
    public void Finish(Exception? error)
    {
        if (error is null) _core.SetResult(Location);
        else if (error is DiskException e) _core.SetException(Copy(e));
        else _core.SetException(error);
    }

    /// <summary>Each waiter gets an exception of its own: stack traces are written into them.</summary>
    private static DiskException Copy(DiskException e) => new(e.Operation, e.Path, e.Error, e.Errno, e);

    RecordLocation IValueTaskSource<RecordLocation>.GetResult(short token) => Take(token);
    void IValueTaskSource.GetResult(short token) => Take(token);
    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token,
        ValueTaskSourceOnCompletedFlags flags) => _core.OnCompleted(continuation, state, token, flags);

    private RecordLocation Take(short token)
    {
        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            _core.Reset();
            SetRecord(0, default, default, null, 0, Durability.Lazy); // Holds no one's buffers.
            Location = default;
            owner.Return(this);
        }
    }
}
