namespace Holdfast.Mail.Receive;

/// <summary>Addresses of ours whose mail ends with us: it answers canaries.</summary>
/// <remarks>Declared here, since the receiving end knows nothing of canaries.</remarks>
internal interface IProbeAddresses
{
    bool Contains(ReadOnlySpan<char> address);

    /// <summary>A message came to one of them; it is kept nowhere.</summary>
    /// <param name="head">Its first octets, our trace header included.</param>
    void Arrived(ReadOnlySpan<byte> head);
}
