using System.Text;
using CsCheck;
using Holdfast.Evidence.Records;
using Holdfast.Storage.Journal;

namespace Holdfast.Tests.Evidence.Records;

public class EvidenceLineTests
{
    private static readonly Gen<EvidenceRecord> _records =
        from kind in Gen.Int[0, 19]
        from texts in Gen.OneOf(Gen.String, Gen.String[Gen.Char.AlphaNumeric, 0, 30], Gen.Const(() => (string)null!))
            .Array[10]
        from attempt in Gen.Int
        from size in Gen.Long
        from ticks in Gen.Long[0, DateTime.MaxValue.Ticks]
        from took in Gen.Long[-1_000_000_000_000, 1_000_000_000_000]
        select new EvidenceRecord
        {
            At = new DateTimeOffset(ticks, TimeSpan.Zero), Kind = (EvidenceKind)kind, MessageId = texts[0],
            Sender = texts[1], Recipient = texts[2], Actor = texts[3], Remote = texts[4], Service = texts[5],
            Site = texts[6], Target = texts[7], Reply = texts[8], Reason = texts[9], Attempt = attempt,
            SizeBytes = size, NextAttemptAt = new DateTimeOffset(ticks, TimeSpan.Zero),
            Took = TimeSpan.FromMilliseconds(took / 1000.0),
        };

    private static EvidenceRecord? Back(EvidenceRecord record)
    {
        using var line = new EvidenceLine();
        var bytes = line.Write(record);
        Assert.Equal((byte)'\n', bytes[^1]);
        Assert.Equal(-1, bytes[..^1].IndexOf((byte)'\n'));
        Assert.True(bytes.Length < EvidenceLine.BytesMax);
        return EvidenceLine.Read(bytes[..^1]);
    }

    [Fact]
    public void Every_record_reads_back() => _records.Sample(record =>
    {
        var back = Back(record);
        Assert.NotNull(back);
        Assert.Equal(Clean(record.Reply), back.Reply);
        Assert.Equal(record with { Took = null, MessageId = null, Sender = null, Recipient = null, Actor = null,
            Remote = null, Service = null, Site = null, Target = null, Reply = null, Reason = null },
            back with { Took = null, MessageId = null, Sender = null, Recipient = null, Actor = null,
                Remote = null, Service = null, Site = null, Target = null, Reply = null, Reason = null });
        Assert.Equal(record.Took!.Value.TotalMilliseconds, back.Took!.Value.TotalMilliseconds, 0.01);
    });

    [Fact]
    public void Long_texts_are_cut()
    {
        var back = Back(new EvidenceRecord
        {
            At = DateTimeOffset.UnixEpoch, Kind = EvidenceKind.Alert, Reason = new string('\u0001', 100_000),
            Recipient = new string('r', 100_000),
        });
        Assert.Equal(1000, back!.Reason!.Length);
        Assert.Equal(512, back.Recipient!.Length);
    }

    [Fact]
    public void Half_a_surrogate_pair_is_no_reason_to_fail()
    {
        var back = Back(new EvidenceRecord
        {
            At = DateTimeOffset.UnixEpoch, Kind = EvidenceKind.Alert, Reason = "a\ud83db",
        });
        Assert.Equal("a\ufffdb", back!.Reason);
    }

    [Fact]
    public void Any_bytes_read_as_a_record_or_as_none() =>
        Gen.Byte.Array.Sample(bytes => { EvidenceLine.Read(bytes); });

    [Fact]
    public void Any_change_of_a_line_reads_as_a_record_or_as_none() =>
        Gen.Select(_records, Gen.Int[0, 10_000], Gen.Byte).Sample((record, at, value) =>
        {
            using var line = new EvidenceLine();
            var bytes = line.Write(record)[..^1].ToArray();
            bytes[at % bytes.Length] = value;
            EvidenceLine.Read(bytes);
            EvidenceLine.Read(bytes.AsSpan(0, at % bytes.Length));
        });

    [Fact]
    public void Fields_of_later_versions_are_passed_over()
    {
        var record = EvidenceLine.Read(
            """{"v":{"a":[1]},"time":"2026-01-22T17:45:00Z","kind":"NotYetInvented","id":"A","x":null}"""u8);
        Assert.Equal("A", record!.MessageId);
        Assert.Equal(EvidenceKind.Unknown, record.Kind);
    }

    // A lone surrogate becomes U+FFFD; a cut never splits a pair.
    private static string? Clean(string? text) => text is null ? null
        : Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text.Length > 1000 ? text[..1000] : text));
}
