using System.Runtime.CompilerServices;

namespace Holdfast.Sim.Provider;

/// <summary>What lies in a <see cref="Pool{T}"/> and, while it is free, in its list.</summary>
internal interface IPooled
{
    int Next { get; set; }
}

/// <summary>Items of one kind in one array, used again when they are free, the last one freed first; it grows by
/// doubling. A mutable struct: it lies in its owner and is not copied.</summary>
internal struct Pool<T>()
    where T : struct, IPooled
{
    private T[] _items = new T[1024];
    private int _free = -1;

    /// <summary>So many were used at least once.</summary>
    public int Used { get; private set; }

    public readonly ref T this[int index] => ref _items[index];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Take()
    {
        var index = _free;
        if (index >= 0)
        {
            _free = _items[index].Next;
            return index;
        }
        if (Used == _items.Length)
            Array.Resize(ref _items, _items.Length * 2);
        return Used++;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void GiveBack(int index)
    {
        _items[index].Next = _free;
        _free = index;
    }
}
