using CsCheck;
using Holdfast.Evidence.Records;

namespace Holdfast.Tests.Evidence.Records;

public class BloomFilterTests
{
    [Fact]
    public void What_was_added_is_found_also_after_folding() => Gen.String.Array[0, 500].Sample(keys =>
    {
        var filter = new BloomFilter(new byte[1 << 16]);
        foreach (var key in keys)
            filter.Add(EvidenceKeys.Hash(key));
        var folded = filter.Fold();
        Assert.All(keys.Select(EvidenceKeys.Hash), h => Assert.True(filter.MayHold(h) && folded.MayHold(h)));
    }, iter: 50);

    [Theory]
    [InlineData(10)]
    [InlineData(1_000)]
    [InlineData(100_000)]
    public void What_was_not_added_is_seldom_found(int keys)
    {
        var filter = new BloomFilter(new byte[EvidenceJournal.FilterBytes]);
        for (var i = 0; i < keys; i++)
            filter.Add(EvidenceKeys.Hash($"user{i}@example.com"));
        var folded = filter.Fold();
        Assert.True(folded.Bytes.Length <= Math.Max(BloomFilter.BytesMin, keys * 4));
        var wrong = Enumerable.Range(0, 10_000).Count(i => folded.MayHold(EvidenceKeys.Hash($"other{i}@example.com")));
        Assert.True(wrong <= 60, $"{wrong} of 10 000");
    }

    [Fact]
    public void An_index_reads_back_and_a_damaged_one_is_refused()
    {
        var filter = new BloomFilter(new byte[BloomFilter.BytesMin]);
        filter.Add(42);
        var bytes = new EvidenceIndex(filter, DateTimeOffset.UnixEpoch, JournalFixture.Start).ToBytes();
        var back = EvidenceIndex.FromBytes(bytes);
        Assert.True(back!.Filter.MayHold(42));
        Assert.Equal(JournalFixture.Start, back.Last);
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] ^= 1;
            Assert.Null(EvidenceIndex.FromBytes(bytes));
            bytes[i] ^= 1;
        }
        Gen.Byte.Array[0, 2000].Sample(any => { Assert.Null(EvidenceIndex.FromBytes(any)); });
    }

    [Theory]
    [InlineData("<A@B.Example>", "a@b.example")]
    [InlineData(" a@b ", "a@b")]
    [InlineData("01arz3", "01ARZ3")]
    [InlineData("<>", "")]
    public void Keys_have_one_normal_form(string text, string normal) =>
        Assert.Equal(normal, EvidenceKeys.Normal(text));
}
