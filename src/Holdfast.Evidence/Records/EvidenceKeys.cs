using System.Buffers;
using System.Text;
using Holdfast.Storage.Journal;

namespace Holdfast.Evidence.Records;

/// <summary>What records are found by: message ids and addresses, each as a 64-bit hash of one normal form.</summary>
internal static class EvidenceKeys
{
    private const int StackBytes = 512;

    /// <summary>Ids are upper case, addresses lower case without angle brackets; the two never meet.</summary>
    public static string Normal(string text)
    {
        var trimmed = text.Trim();
        if (trimmed.StartsWith('<') && trimmed.EndsWith('>'))
            trimmed = trimmed[1..^1];
        return IsId(trimmed) ? trimmed.ToUpperInvariant() : trimmed.ToLowerInvariant();
    }

    /// <summary>An address has an @, the null sender is empty, everything else is an id.</summary>
    public static bool IsId(string text) => text.Length > 0 && !text.Contains('@', StringComparison.Ordinal);

    /// <summary>Adds a record's keys to an index.</summary>
    public static void AddTo(BloomFilter filter, EvidenceRecord record)
    {
        if (record.MessageId is { Length: > 0 } id)
            filter.Add(Hash(id));
        if (record.Sender is { Length: > 0 } sender)
            filter.Add(Hash(sender));
        foreach (var recipient in RecipientsText.Of(record))
            filter.Add(Hash(recipient));
    }

    public static bool Mentions(EvidenceRecord record, string normalAddress) =>
        Is(record.Sender, normalAddress) || RecipientsText.Of(record).Any(r => Is(r, normalAddress));

    /// <summary>FNV-1a over the normal form's UTF-8 bytes, finished so that every bit depends on all.</summary>
    public static ulong Hash(string text)
    {
        var normal = Normal(text);
        var size = Encoding.UTF8.GetMaxByteCount(normal.Length);
        var rented = size > StackBytes ? ArrayPool<byte>.Shared.Rent(size) : null;
        var bytes = rented ?? stackalloc byte[StackBytes];
        var length = Encoding.UTF8.GetBytes(normal, bytes);
        var hash = 14695981039346656037UL;
        foreach (var b in bytes[..length])
            hash = (hash ^ b) * 1099511628211UL;
        if (rented is not null)
            ArrayPool<byte>.Shared.Return(rented);
        hash = (hash ^ (hash >> 33)) * 0xFF51AFD7ED558CCDUL;
        return hash ^ (hash >> 33);
    }

    private static bool Is(string? address, string normal) =>
        address is not null
        && (address.Equals(normal, StringComparison.OrdinalIgnoreCase) || Normal(address) == normal);
}
