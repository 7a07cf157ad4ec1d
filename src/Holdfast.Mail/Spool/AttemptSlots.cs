using System.Buffers;
using System.Buffers.Binary;
using Holdfast.Storage.Disk;

namespace Holdfast.Mail.Spool;

/// <summary>Marks of attempts that are under way, in a small file of fixed slots that is written before each final dot.
/// </summary>
/// <remarks>
/// Guards against a hidden duplicate: a record on its way to the log is still in this process when the dot goes out, so
/// a kill -9 between the remote's 250 and the log's next write would leave no trace of the attempt. Here the mark is
/// in the kernel's hands when <see cref="TryWrite"/> returns (one pwrite of about a hundred bytes), so it survives the
/// end of the process; not synced, as design §5 has it, so a power loss may take it, with the outcome's record.
/// A slot is free again once a later record of its message stands in the log; its bytes stay, and say nothing then,
/// since the log knows a version at least as high, or no such message.
/// Limit: a mark that is longer than a slot, or a disk without room, is refused; the caller uses the log and waits
/// until it is written there.
/// </remarks>
internal sealed class AttemptSlots(IDisk disk)
{
    public const string FileName = "attempts";
    private const int SlotBytes = 4096;
    private const int HeadBytes = 8;
    /// <summary>More attempts at once than this are marked in the log, and wait for it.</summary>
    private const int SlotsMax = 16_384;

    private readonly Lock _gate = new();
    private readonly Dictionary<SpoolHandle, (int Slot, uint Version)> _open = [];
    private readonly Stack<int> _free = new();
    private IDiskFile? _file;
    private int _used;

    public const int MarkBytesMax = SlotBytes - HeadBytes;

    /// <summary>Opens the file and gives the marks that it holds, stale ones included. Each is kept until it is
    /// adopted or given up.</summary>
    public List<(int Slot, byte[] Mark)> Open()
    {
        var marks = new List<(int, byte[])>();
        var isNew = !disk.Exists(FileName);
        _file = disk.Open(FileName, isNew ? DiskOpenMode.CreateNew : DiskOpenMode.OpenExisting);
        if (isNew)
            disk.SyncDirectory("");
        var slots = (int)Math.Min((_file.Length + SlotBytes - 1) / SlotBytes, SlotsMax);
        var buffer = new byte[SlotBytes];
        for (var slot = 0; slot < slots; slot++)
        {
            if (TryRead(slot, buffer, out var mark))
                marks.Add((slot, mark.ToArray()));
            else
                _free.Push(slot);
        }
        _used = slots;
        return marks;
    }

    /// <summary>The mark goes on standing for the message until the log knows as much.</summary>
    public void Adopt(SpoolHandle handle, int slot, uint version)
    {
        lock (_gate)
            _open[handle] = (slot, version);
    }

    /// <summary>The mark says nothing any more.</summary>
    public void GiveUp(int slot)
    {
        lock (_gate)
            _free.Push(slot);
    }

    /// <summary>Marks the message's attempt, over an earlier mark of it. False: it could not be marked here.</summary>
    public bool TryWrite(SpoolHandle handle, uint version, ReadOnlySpan<byte> mark)
    {
        if (_file is not { } file || mark.Length > MarkBytesMax)
            return false;
        var buffer = ArrayPool<byte>.Shared.Rent(SlotBytes);
        try
        {
            BinaryPrimitives.WriteInt32LittleEndian(buffer, mark.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(buffer.AsSpan(4), Sum(mark));
            mark.CopyTo(buffer.AsSpan(HeadBytes));
            // Under the lock, so that a slot that is given on can't be overwritten by its former user.
            lock (_gate)
            {
                int slot;
                if (_open.TryGetValue(handle, out var known))
                    slot = known.Slot;
                else if (!_free.TryPop(out slot) && (slot = _used < SlotsMax ? _used++ : -1) < 0)
                    return false;
                try
                {
                    file.Write((long)slot * SlotBytes, buffer.AsSpan(0, HeadBytes + mark.Length));
                }
                catch (DiskException)
                {
                    _open.Remove(handle);
                    _free.Push(slot);
                    return false;
                }
                _open[handle] = (slot, version);
            }
            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>A record of that version stands in the log: a mark up to it has nothing more to say.</summary>
    public void Settle(SpoolHandle handle, uint version)
    {
        lock (_gate)
        {
            if (_open.TryGetValue(handle, out var known) && known.Version <= version)
            {
                _open.Remove(handle);
                _free.Push(known.Slot);
            }
        }
    }

    /// <summary>The message's mark, when it is later than the version that the log knows.</summary>
    public byte[]? Find(SpoolHandle handle, uint version)
    {
        lock (_gate)
        {
            if (!_open.TryGetValue(handle, out var known) || known.Version <= version)
                return null;
            var buffer = new byte[SlotBytes];
            return TryRead(known.Slot, buffer, out var mark) ? mark.ToArray() : null;
        }
    }

    public void Close()
    {
        lock (_gate)
        {
            _file?.Dispose();
            _file = null;
        }
    }

    private bool TryRead(int slot, byte[] buffer, out ReadOnlySpan<byte> mark)
    {
        mark = default;
        var read = _file!.Read((long)slot * SlotBytes, buffer);
        if (read < HeadBytes)
            return false;
        var length = BinaryPrimitives.ReadInt32LittleEndian(buffer);
        if (length <= 0 || length > read - HeadBytes)
            return false;
        mark = buffer.AsSpan(HeadBytes, length);
        return Sum(mark) == BinaryPrimitives.ReadUInt32LittleEndian(buffer.AsSpan(4));
    }

    private static uint Sum(ReadOnlySpan<byte> bytes)
    {
        var sum = new BodyChecksum();
        sum.Add(bytes);
        return sum.Value;
    }
}
