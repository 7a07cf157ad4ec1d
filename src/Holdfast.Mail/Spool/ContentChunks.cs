using System.Buffers;
using System.Collections;

namespace Holdfast.Mail.Spool;

/// <summary>Content in rented arrays that count against <see cref="BodyMemory"/>; given back with the last reference.
/// </summary>
/// <remarks>One writer first; once shared it is only read. Retain and Release are thread-safe.</remarks>
internal sealed class ContentChunks(BodyMemory memory) : IReadOnlyList<ReadOnlyMemory<byte>>
{
    private struct Chunk
    {
        public byte[] Array;
        public int Start;
        public int Length;
        public int Charged;
    }

    private Chunk[] _chunks = new Chunk[1];
    private int _count;
    private int _references = 1;

    public long Length { get; private set; }
    /// <summary>Bytes of the budget that the arrays take.</summary>
    public long ChargedBytes { get; private set; }
    public int Count => _count;
    public ReadOnlyMemory<byte> this[int index] =>
        _chunks[index].Array.AsMemory(_chunks[index].Start, _chunks[index].Length);

    /// <summary>Room left in the last array.</summary>
    public int Room => _count == 0 ? 0 : LastRoom(in _chunks[_count - 1]);

    private static int LastRoom(in Chunk chunk) => chunk.Array.Length - chunk.Start - chunk.Length;

    /// <summary>Adds an array for which the budget was taken already.</summary>
    public void AddCharged(byte[] array, int charged, int start = 0, int length = 0)
    {
        if (_count == _chunks.Length)
            Array.Resize(ref _chunks, _count * 2);
        _chunks[_count++] = new Chunk { Array = array, Start = start, Length = length, Charged = charged };
        Length += length;
        ChargedBytes += charged;
    }

    public Memory<byte> FreeRoom()
    {
        ref var last = ref _chunks[_count - 1];
        return last.Array.AsMemory(last.Start + last.Length);
    }

    public void Advance(int count)
    {
        _chunks[_count - 1].Length += count;
        Length += count;
    }

    /// <summary>Forgets the bytes; keeps the first array for the next ones and gives the others back.</summary>
    public void Clear()
    {
        for (var i = 1; i < _count; i++)
            GiveBack(ref _chunks[i]);
        _count = Math.Min(_count, 1);
        if (_count == 1)
            (_chunks[0].Start, _chunks[0].Length) = (0, 0);
        Length = 0;
    }

    /// <summary>Takes another reference; false when the last one is gone already.</summary>
    public bool TryRetain()
    {
        var seen = Volatile.Read(ref _references);
        while (seen > 0)
        {
            var was = Interlocked.CompareExchange(ref _references, seen + 1, seen);
            if (was == seen)
                return true;
            seen = was;
        }
        return false;
    }

    public void Release()
    {
        if (Interlocked.Decrement(ref _references) != 0)
            return;
        for (var i = 0; i < _count; i++)
            GiveBack(ref _chunks[i]);
        _count = 0;
        Length = 0;
    }

    public ReadOnlySequence<byte> AsSequence()
    {
        if (_count == 0)
            return ReadOnlySequence<byte>.Empty;
        if (_count == 1)
            return new ReadOnlySequence<byte>(this[0]);
        var first = new Segment(this[0], 0);
        var last = first;
        for (var i = 1; i < _count; i++)
            last = last.Append(this[i]);
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private void GiveBack(ref Chunk chunk)
    {
        ArrayPool<byte>.Shared.Return(chunk.Array);
        memory.Give(chunk.Charged);
        ChargedBytes -= chunk.Charged;
        chunk = default;
    }

    public IEnumerator<ReadOnlyMemory<byte>> GetEnumerator()
    {
        for (var i = 0; i < _count; i++)
            yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long runningIndex)
        {
            Memory = memory;
            RunningIndex = runningIndex;
        }

        public Segment Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Segment(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
