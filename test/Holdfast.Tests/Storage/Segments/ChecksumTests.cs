using CsCheck;
using Holdfast.Storage.Segments;

namespace Holdfast.Tests.Storage.Segments;

public class ChecksumTests
{
    [Fact]
    public void Known_values_are_those_of_the_RFC()
    {
        // RFC 3720 §B.4
        Assert.Equal(0x8A9136AAu, Checksum.Of(new byte[32]));
        Assert.Equal(0x62A8AB43u, Checksum.Of(Enumerable.Repeat((byte)0xFF, 32).ToArray()));
        Assert.Equal(0x46DD794Eu, Checksum.Of([.. Enumerable.Range(0, 32).Select(i => (byte)i)]));
        Assert.Equal(0xE3069283u, Checksum.Of("123456789"u8));
    }

    [Fact]
    public void Pieces_give_the_same_as_the_whole() =>
        Gen.Select(Gen.Byte.Array[0, 300], Gen.Byte.Array[0, 300]).Sample((a, b) =>
            Checksum.Finish(Checksum.Add(Checksum.Add(Checksum.Start, a), b)) == Checksum.Of([.. a, .. b]));

    [Fact]
    public void Lanes_give_the_same_as_one_byte_after_the_other() =>
        Gen.Select(Gen.Int[0, 20_000], Gen.Int).Sample((length, seed) =>
        {
            var bytes = new byte[length];
            new Random(seed).NextBytes(bytes);
            var state = Checksum.Start;
            for (var i = 0; i < bytes.Length; i++) state = Checksum.Add(state, bytes.AsSpan(i, 1));
            Assert.Equal(Checksum.Finish(state), Checksum.Of(bytes));
        }, iter: 200);
}
