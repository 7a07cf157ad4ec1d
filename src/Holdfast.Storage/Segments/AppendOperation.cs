using System.Threading.Tasks.Sources;

namespace Holdfast.Storage.Segments;

/// <summary>One append (or sync request) on its way, reused when its result has been taken.</summary>
internal sealed class AppendOperation(AppendIntake owner, bool continueAsynchronously)
    : IValueTaskSource<RecordLocation>, IValueTaskSource
{
    private ManualResetValueTaskSourceCore<RecordLocation> _core = new()
    {
        RunContinuationsAsynchronously = continueAsynchronously,
    };

    public AppendOperation? Next { get; set; }
    public byte Kind { get; private set; }
    public Durability Durability { get; private set; }
    /// <summary>True for a request to sync that carries no record.</summary>
    public bool IsSync { get; private set; }
    public ReadOnlyMemory<byte> Head { get; private set; }
    public ReadOnlyMemory<byte> Body { get; private set; }
    public IReadOnlyList<ReadOnlyMemory<byte>>? Pieces { get; private set; }
    public uint Length { get; private set; }
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
    }

    public void SetSync()
    {
        SetRecord(0, default, default, null, 0, Durability.Synced);
        IsSync = true;
    }

    public void Complete() => _core.SetResult(Location);
    public void Fail(Exception error) => _core.SetException(error);

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
