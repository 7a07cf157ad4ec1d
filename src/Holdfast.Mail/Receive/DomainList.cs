using System.Globalization;
using System.Text;

namespace Holdfast.Mail.Receive;

/// <summary>Domains that we take mail for: exact ones, and <c>.parent</c> for every subdomain of a parent. Compared
/// without case; international names in either form.</summary>
internal sealed class DomainList
{
    private readonly HashSet<string> _exact = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _parents = new(StringComparer.OrdinalIgnoreCase);

    public static DomainList Empty { get; } = new();

    public int Count => _exact.Count + _parents.Count;

    public static DomainList Of(IEnumerable<string> domains)
    {
        var list = new DomainList();
        foreach (var domain in domains)
            list.Add(domain);
        return list;
    }

    /// <summary>Reads a file with a domain a line; '#' begins a comment. Lines that are no domain are a fault.
    /// </summary>
    /// <exception cref="FormatException">Says which line.</exception>
    public static DomainList Parse(ReadOnlyMemory<byte> text)
    {
        var list = new DomainList();
        foreach (var (number, line) in TextLines.Of(text))
        {
            if (!IsDomain(line))
                throw new FormatException($"line {number}: '{line}' is not a domain");
            list.Add(line);
        }
        return list;
    }

    public bool Contains(ReadOnlySpan<char> domain)
    {
        if (domain.EndsWith('.'))
            domain = domain[..^1];
        if (_exact.GetAlternateLookup<ReadOnlySpan<char>>().Contains(domain))
            return true;
        if (_parents.Count == 0)
            return false;
        var parents = _parents.GetAlternateLookup<ReadOnlySpan<char>>();
        for (var dot = domain.IndexOf('.'); dot >= 0; dot = domain.IndexOf('.'))
        {
            domain = domain[(dot + 1)..];
            if (parents.Contains(domain))
                return true;
        }
        return false;
    }

    /// <summary>A host name or <c>.parent</c>, in ASCII or international form.</summary>
    public static bool IsDomain(string? text)
    {
        if (text is null)
            return false;
        var name = text.StartsWith('.') ? text[1..] : text;
        return name.Length is > 0 and <= 253 && TryToAscii(name, out var ascii)
            && Uri.CheckHostName(ascii) == UriHostNameType.Dns;
    }

    private void Add(string domain)
    {
        var isParent = domain.StartsWith('.');
        var name = isParent ? domain[1..] : domain;
        // With the final dot it is the same name (RFC 1034 §3.1); look-ups take it off too.
        if (name.EndsWith('.'))
            name = name[..^1];
        var set = isParent ? _parents : _exact;
        set.Add(name);
        if (TryToAscii(name, out var ascii))
            set.Add(ascii);
    }

    private static bool TryToAscii(string name, out string ascii)
    {
        ascii = name;
        if (Ascii.IsValid(name))
            return true;
        try
        {
            ascii = new IdnMapping().GetAscii(name);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
