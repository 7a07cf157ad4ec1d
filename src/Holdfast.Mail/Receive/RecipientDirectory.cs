namespace Holdfast.Mail.Receive;

/// <summary>Valid recipients of our domains: addresses, and <c>@domain</c> for whole domains. Compared without case.
/// </summary>
internal sealed class RecipientDirectory
{
    private readonly HashSet<string> _entries = new(StringComparer.OrdinalIgnoreCase);

    public int Count => _entries.Count;

    /// <summary>Reads a file with an entry a line; '#' begins a comment.</summary>
    /// <exception cref="FormatException">A line is neither an address nor <c>@domain</c>.</exception>
    public static RecipientDirectory Parse(ReadOnlyMemory<byte> text)
    {
        var directory = new RecipientDirectory();
        foreach (var (number, line) in TextLines.Of(text))
        {
            if (!directory.TryAdd(line))
                throw new FormatException($"line {number}: {NoEntry(line)}");
        }
        return directory;
    }

    /// <exception cref="FormatException">One is neither an address nor <c>@domain</c>.</exception>
    public static RecipientDirectory Of(IEnumerable<string> entries)
    {
        var directory = new RecipientDirectory();
        foreach (var entry in entries)
        {
            if (!directory.TryAdd(entry))
                throw new FormatException(NoEntry(entry));
        }
        return directory;
    }

    /// <param name="address">local@domain.</param>
    /// <param name="separator">Separator of a tag, or '\0'.</param>
    public bool Contains(ReadOnlySpan<char> address, char separator)
    {
        var at = address.LastIndexOf('@');
        if (at < 0)
            return false;
        var entries = _entries.GetAlternateLookup<ReadOnlySpan<char>>();
        if (entries.Contains(address) || entries.Contains(address[at..]))
            return true;
        var tag = separator == '\0' ? -1 : address[..at].IndexOf(separator);
        if (tag <= 0)
            return false;
        Span<char> untagged = stackalloc char[512];
        if (address.Length > untagged.Length)
            return false;
        address[..tag].CopyTo(untagged);
        address[at..].CopyTo(untagged[tag..]);
        return entries.Contains(untagged[..(tag + address.Length - at)]);
    }

    private bool TryAdd(string? entry)
    {
        var at = entry?.LastIndexOf('@') ?? -1;
        if (at < 0 || at == entry!.Length - 1 || (at > 0 && entry[0] == '@') || entry.AsSpan().ContainsAny(' ', '\n'))
            return false;
        _entries.Add(entry);
        return true;
    }

    private static string NoEntry(string? entry) => $"'{entry}' is neither an address nor @domain";
}
