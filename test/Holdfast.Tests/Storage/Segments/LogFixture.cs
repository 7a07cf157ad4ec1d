using System.Buffers.Binary;
using Holdfast.Sim;
using Holdfast.Sim.Disks;
using Holdfast.Storage.Disk;
using Holdfast.Storage.Segments;
using Microsoft.Extensions.Logging.Abstractions;

namespace Holdfast.Tests.Storage.Segments;

/// <summary>A log on a simulated disk, pumped by the test.</summary>
internal sealed class LogFixture : ISegmentVisitor
{
    public const string Directory = "segments";

    public LogFixture(IDisk disk, SegmentLogOptions? options = null, ScanStart start = default, int seed = 1,
        SimulatedTime? time = null)
    {
        Options = options ?? new SegmentLogOptions { SegmentBytes = 64 << 10 };
        Time = time ?? new SimulatedTime();
        Log = SegmentLog.Open(disk, Directory, Options, start, this, Time, new Random(seed), NullLogger.Instance, null,
            Driver);
        Log.SegmentPoisoned += Poisoned.Add;
    }

    public SegmentLogOptions Options { get; }
    public SimulatedTime Time { get; }
    public PumpedCommitDriver Driver { get; } = new();
    public SegmentLog Log { get; }
    public List<(RecordLocation Location, byte Kind, ulong Sequence, byte[] Payload)> Records { get; } = [];
    public List<DamageReport> Damage { get; } = [];
    public List<uint> Poisoned { get; } = [];

    public Task<RecordLocation> Start(byte kind, byte[] payload, Durability durability) =>
        Log.AppendAsync(kind, payload, ReadOnlyMemory<byte>.Empty, durability).AsTask();

    public RecordLocation Append(byte[] payload, Durability durability = Durability.Synced, byte kind = 1)
    {
        var append = Start(kind, payload, durability);
        Driver.PumpAll();
        Assert.True(append.IsCompleted);
        return append.GetAwaiter().GetResult();
    }

    public byte[] Read(RecordLocation location)
    {
        var bytes = new byte[location.Length];
        Log.Read(location, bytes);
        return bytes;
    }

    public void Close() => Assert.True(Log.DisposeAsync().AsTask().IsCompletedSuccessfully);

    /// <summary>A payload that tells which one it is, and whose every byte depends on that.</summary>
    public static byte[] Payload(int id, int length)
    {
        var bytes = new byte[Math.Max(length, sizeof(int))];
        for (var i = 0; i < bytes.Length; i++) bytes[i] = (byte)((id * 31) + (i * 7) + (i >> 8));
        BinaryPrimitives.WriteInt32LittleEndian(bytes, id);
        return bytes;
    }

    public static int IdOf(ReadOnlySpan<byte> payload) => BinaryPrimitives.ReadInt32LittleEndian(payload);

    void ISegmentVisitor.Record(RecordLocation location, byte kind, ulong sequence, ReadOnlySpan<byte> payload) =>
        Records.Add((location, kind, sequence, payload.ToArray()));

    void ISegmentVisitor.Damaged(DamageReport report) => Damage.Add(report);
}
