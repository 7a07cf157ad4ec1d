using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Holdfast.Fuzz;

/// <summary>Changes an input a little: bits, octets, tokens, lengths, splices, cuts.</summary>
/// <remarks>Deterministic: the same random numbers and the same pool give the same inputs.</remarks>
internal sealed class Mutator(Random random, FuzzTarget target)
{
    private const int StepsMax = 6;
    private static readonly long[] EdgeNumbers =
    [
        0, 1, -1, 2, 3, 4, 7, 8, 15, 16, 63, 64, 127, 128, 255, 256, 511, 512, 998, 1000, 1024, 4096, 16384, 32767,
        32768, 65535, 65536, int.MaxValue, int.MaxValue + 1L, uint.MaxValue, uint.MaxValue + 1L, long.MaxValue,
        long.MinValue,
    ];

    private readonly List<byte> _input = [];

    public byte[] Next(IReadOnlyList<byte[]> pool)
    {
        _input.Clear();
        if (pool.Count > 0)
            _input.AddRange(pool[random.Next(pool.Count)]);
        for (var steps = 1 + random.Next(StepsMax); steps > 0; steps--)
            Step(pool);
        if (_input.Count > target.BytesMax)
            _input.RemoveRange(target.BytesMax, _input.Count - target.BytesMax);
        return [.. _input];
    }

    private void Step(IReadOnlyList<byte[]> pool)
    {
        switch (random.Next(14))
        {
            case 0:
                if (_input.Count > 0)
                    _input[Place()] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                if (_input.Count > 0)
                    _input[Place()] = (byte)random.Next(256);
                break;
            case 2:
                _input.Insert(random.Next(_input.Count + 1), (byte)random.Next(256));
                break;
            case 3:
                var (start, length) = Range(64);
                _input.RemoveRange(start, length);
                break;
            case 4:
                Repeat();
                break;
            case 5 or 6:
                if (target.Tokens.Count > 0)
                    _input.InsertRange(random.Next(_input.Count + 1), target.Tokens[random.Next(target.Tokens.Count)]);
                break;
            case 7:
                Overwrite(target.Tokens);
                break;
            case 8:
                Splice(pool);
                break;
            case 9:
                Truncate();
                break;
            case 10:
                TweakBinary();
                break;
            case 11:
                TweakDecimal();
                break;
            case 12:
                // The first octet chooses policies and the chunks' boundaries.
                if (_input.Count > 0)
                    _input[0] = (byte)random.Next(256);
                break;
            default:
                Swap();
                break;
        }
    }

    private int Place() => random.Next(_input.Count);

    private (int Start, int Length) Range(int lengthMax)
    {
        var start = random.Next(_input.Count + 1);
        return (start, random.Next(Math.Min(lengthMax, _input.Count - start) + 1));
    }

    private void Repeat()
    {
        var (start, length) = Range(32);
        if (length == 0)
            return;
        var piece = _input.GetRange(start, length);
        for (var times = 1 << random.Next(7); times > 0 && _input.Count < target.BytesMax; times--)
            _input.InsertRange(start, piece);
    }

    private void Overwrite(IReadOnlyList<byte[]> tokens)
    {
        if (tokens.Count == 0)
            return;
        var token = tokens[random.Next(tokens.Count)];
        var start = random.Next(_input.Count + 1);
        _input.RemoveRange(start, Math.Min(token.Length, _input.Count - start));
        _input.InsertRange(start, token);
    }

    private void Splice(IReadOnlyList<byte[]> pool)
    {
        if (pool.Count == 0)
            return;
        var other = pool[random.Next(pool.Count)];
        var from = random.Next(other.Length + 1);
        var piece = other.AsSpan(from, random.Next(other.Length - from + 1)).ToArray();
        var at = random.Next(_input.Count + 1);
        if (random.Next(2) == 0)
            _input.RemoveRange(at, _input.Count - at);
        _input.InsertRange(at, piece);
    }

    private void Truncate()
    {
        var at = random.Next(_input.Count + 1);
        if (random.Next(2) == 0)
            _input.RemoveRange(at, _input.Count - at);
        else
            _input.RemoveRange(0, at);
    }

    /// <summary>Takes some octets for a number and makes it one more, one less, or an extreme.</summary>
    private void TweakBinary()
    {
        var width = 1 << random.Next(4);
        if (_input.Count < width)
            return;
        var at = random.Next(_input.Count - width + 1);
        Span<byte> octets = stackalloc byte[8];
        octets.Clear();
        for (var i = 0; i < width; i++)
            octets[i] = _input[at + i];
        var bigEndian = random.Next(3) == 0;
        if (bigEndian)
            octets[..width].Reverse();
        var number = random.Next(3) switch
        {
            0 => EdgeNumbers[random.Next(EdgeNumbers.Length)],
            1 => BinaryPrimitives.ReadInt64LittleEndian(octets) + random.Next(-4, 5),
            _ => _input.Count - at + random.Next(-9, 10),
        };
        BinaryPrimitives.WriteInt64LittleEndian(octets, number);
        if (bigEndian)
            octets[..width].Reverse();
        for (var i = 0; i < width; i++)
            _input[at + i] = octets[i];
    }

    /// <summary>Puts another number in the place of decimal digits.</summary>
    private void TweakDecimal()
    {
        if (_input.Count == 0)
            return;
        var start = Place();
        while (start < _input.Count && !char.IsAsciiDigit((char)_input[start]))
            start++;
        if (start == _input.Count)
            return;
        var end = start;
        while (end < _input.Count && char.IsAsciiDigit((char)_input[end]))
            end++;
        _input.RemoveRange(start, end - start);
        var number = EdgeNumbers[random.Next(EdgeNumbers.Length)] + random.Next(-1, 2);
        _input.InsertRange(start, Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture)));
    }

    private void Swap()
    {
        if (_input.Count < 2)
            return;
        var (a, b) = (Place(), Place());
        (_input[a], _input[b]) = (_input[b], _input[a]);
    }
}
