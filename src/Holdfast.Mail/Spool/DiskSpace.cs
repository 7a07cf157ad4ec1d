using Holdfast.Storage.Disk;

namespace Holdfast.Mail.Spool;

/// <summary>Whether there is room to accept mail, and the reserve for what must go on when there is none.</summary>
/// <remarks>
/// The reserve is a file with blocks really allocated, since anything less (counting free bytes) is gone the moment
/// that another program fills the disk. When the log finds no space the file is deleted: progress, notices and
/// compaction go on in its room, while acceptance stops. It is made again, and acceptance resumes, once that much and
/// twice the free minimum are there.
/// </remarks>
internal sealed class DiskSpace(IDisk disk, Func<SpoolOptions> options)
{
    private const string ReservePath = "reserve";
    private readonly Lock _gate = new();
    private bool _isShort;
    private bool _hasReserve;
    private long _freeBytes;

    /// <summary>True while acceptance must stop.</summary>
    public bool IsShort => Volatile.Read(ref _isShort);
    public long FreeBytes => Volatile.Read(ref _freeBytes);
    /// <summary>True when what need not be kept should go, well before acceptance would stop.</summary>
    public bool IsTight => IsShort || FreeBytes < ReserveBytes + 4 * FreeMin;
    public bool HasReserve => Volatile.Read(ref _hasReserve);

    private long ReserveBytes => Math.Max(1, Math.Min(options().DiskReserveBytes, disk.TotalBytes / 16));
    private long FreeMin => Math.Min(options().DiskFreeMin, disk.TotalBytes / 64);

    public void Open()
    {
        if (disk.Exists(ReservePath))
        {
            using (var file = disk.Open(ReservePath, DiskOpenMode.OpenExisting))
                Volatile.Write(ref _hasReserve, file.Length == ReserveBytes);
            if (!HasReserve)
                disk.Delete(ReservePath);
        }
        Update();
    }

    /// <summary>Looks at the disk and decides anew.</summary>
    public void Update()
    {
        lock (_gate)
            UpdateInTurn();
    }

    private void UpdateInTurn()
    {
        var free = disk.FreeBytes;
        if (!HasReserve && free >= ReserveBytes + 2 * FreeMin && TryTakeReserve())
            free = disk.FreeBytes;
        Volatile.Write(ref _freeBytes, free);
        if (!HasReserve || free < FreeMin)
            Volatile.Write(ref _isShort, true);
        else if (free >= 2 * FreeMin)
            Volatile.Write(ref _isShort, false);
    }

    /// <summary>A body file found no space: stop accepting; its part goes and gives room.</summary>
    public void NoteShort() => Volatile.Write(ref _isShort, true);

    /// <summary>The log found no space: give the reserve up. False when it is gone already.</summary>
    public bool Release()
    {
        lock (_gate)
        {
            Volatile.Write(ref _isShort, true);
            if (!HasReserve)
                return false;
            disk.Delete(ReservePath);
            Volatile.Write(ref _hasReserve, false);
            return true;
        }
    }

    private bool TryTakeReserve()
    {
        try
        {
            using (var file = disk.Open(ReservePath, DiskOpenMode.CreateNew))
                file.Reserve(ReserveBytes);
            Volatile.Write(ref _hasReserve, true);
            return true;
        }
        catch (DiskException)
        {
            DeleteQuietly();
            return false;
        }
    }

    private void DeleteQuietly()
    {
        try
        {
            disk.Delete(ReservePath);
        }
        catch (DiskException)
        {
            // Nothing was made, or it is looked at again at the next start.
        }
    }
}
