using System.Runtime.InteropServices;

using Holdfast.Storage.Segments;

namespace Holdfast.Mail.Spool;

[Flags]
internal enum SpoolRowFlags : byte
{
    None = 0,
    InUse = 1,
    HasBodyFile = 2,
    IsHeld = 4,
    /// <summary>The last progress record is an attempt without outcome.</summary>
    AttemptIsOpen = 8,
    /// <summary>Its progress could not be read back: what was done for its recipients is unknown.</summary>
    LostProgress = 16,
}

/// <summary>All that memory holds of a waiting message: 60 bytes, and 8 more in the index.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct SpoolRow
{
    public ulong IdHigh;
    public ulong IdLow;
    public long SizeBytes;
    public uint Segment;
    public uint Offset;
    public uint RecordBytes;
    /// <summary>Latest Progress or Attempt record; segment 0 with length 0 when there is none.</summary>
    public uint ProgressSegment;
    public uint ProgressOffset;
    public uint ProgressBytes;
    public uint ProgressVersion;
    public uint Generation;
    public ushort RecipientCount;
    public byte Priority;
    public SpoolRowFlags Flags;

    public MessageId Id
    {
        readonly get => new(IdHigh, IdLow);
        set => (IdHigh, IdLow) = (value.High, value.Low);
    }

    public RecordLocation Location
    {
        readonly get => new(Segment, Offset, RecordBytes);
        set => (Segment, Offset, RecordBytes) = (value.Segment, value.Offset, value.Length);
    }

    public RecordLocation Progress
    {
        readonly get => new(ProgressSegment, ProgressOffset, ProgressBytes);
        set => (ProgressSegment, ProgressOffset, ProgressBytes) = (value.Segment, value.Offset, value.Length);
    }

    public readonly bool HasProgress => ProgressBytes != 0;
    public readonly bool InUse => (Flags & SpoolRowFlags.InUse) != 0;

    public void Set(SpoolRowFlags flag, bool on) => Flags = on ? Flags | flag : Flags & ~flag;
}
