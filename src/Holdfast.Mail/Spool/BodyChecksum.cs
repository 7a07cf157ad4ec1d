using Holdfast.Storage.Segments;

namespace Holdfast.Mail.Spool;

/// <summary>Running CRC-32C of a file's bytes.</summary>
internal struct BodyChecksum()
{
    private uint _state = Checksum.Start;

    public readonly uint Value => Checksum.Finish(_state);

    public void Add(ReadOnlySpan<byte> bytes) => _state = Checksum.Add(_state, bytes);
}
