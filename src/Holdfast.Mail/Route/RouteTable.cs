using System.Buffers;
using System.Collections.Frozen;
using System.Globalization;

namespace Holdfast.Mail.Route;

/// <summary>Says for a recipient's domain which rule, service and policy its mail takes.</summary>
/// <remarks>
/// Promise: the first rule in order that matches decides, as if the rules were tried one by one; the cost is one
/// look-up a label of the domain. Immutable: a reload builds another table and swaps it. Options must have passed
/// <see cref="RouteOptionsValidator"/>; a rule that hasn't is left out rather than half understood.
/// </remarks>
internal sealed class RouteTable
{
    /// <summary>RFC 1035 §2.3.4: longer names aren't domains and match "*" only.</summary>
    private const int DomainLengthMax = 255;

    private readonly MailRoute[] _routes;
    private readonly FrozenDictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _exact;
    private readonly FrozenDictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _below;
    private readonly int _all;

    private RouteTable(MailRoute[] routes, Dictionary<string, int> exact, Dictionary<string, int> below, int all)
    {
        _routes = routes;
        _exact = exact.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase).GetAlternateLookup<ReadOnlySpan<char>>();
        _below = below.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase).GetAlternateLookup<ReadOnlySpan<char>>();
        _all = all;
    }

    public static RouteTable Empty { get; } = new([], [], [], int.MaxValue);

    public IReadOnlyList<MailRoute> Routes => _routes;

    public static RouteTable FromOptions(RouteOptions options)
    {
        var routes = new List<MailRoute>();
        var exact = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        var below = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        var all = int.MaxValue;
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < options.Rules.Length; i++)
        {
            var rule = options.Rules[i];
            if (rule.Mx == rule.Service.Length > 0)
                continue;
            var index = routes.Count;
            var patterns = RoutePatterns.Of(rule);
            routes.Add(Compile(rule, i, patterns, names));
            foreach (var pattern in patterns)
            {
                if (pattern == "*")
                    all = Math.Min(all, index);
                else if (pattern.StartsWith("*.", StringComparison.Ordinal))
                    below.TryAdd(pattern[2..], index);
                else
                    exact.TryAdd(pattern, index);
            }
        }
        return new RouteTable([.. routes], exact, below, all);
    }

    /// <summary>Decides for a domain (without '@'; any case; an address literal with its brackets; Unicode or
    /// A-labels). Never throws; allocates only for MX routes and Unicode domains.</summary>
    public RouteDecision Decide(string recipientDomain)
    {
        var domain = RoutePatterns.Normalize(recipientDomain);
        var best = _all;
        if (domain.Length is > 0 and <= DomainLengthMax)
        {
            var rest = domain.AsSpan();
            if (_exact.TryGetValue(rest, out var found))
                best = Math.Min(best, found);
            for (var dot = rest.IndexOf('.'); dot >= 0; dot = rest.IndexOf('.'))
            {
                rest = rest[(dot + 1)..];
                if (_below.TryGetValue(rest, out found))
                    best = Math.Min(best, found);
            }
        }
        if (best == int.MaxValue)
            return new RouteDecision(null, "", domain);
        var route = _routes[best];
        if (route.Service is { } service)
            return new RouteDecision(route, route.Name, service);
        var name = domain.ToLowerInvariant();
        return new RouteDecision(route, string.Concat(route.Name, "/", name), name);
    }

    private static MailRoute Compile(RouteRuleOptions rule, int index, IReadOnlyList<string> patterns,
        HashSet<string> names)
    {
        var name = rule.Name.Length > 0 ? rule.Name : rule.Mx ? "mx" : rule.Service;
        // Two rules for one service may differ in TLS: they must not share a name, or they would share connections.
        for (var n = 2; !names.Add(name); n++)
            name = string.Create(CultureInfo.InvariantCulture, $"{(rule.Mx ? "mx" : rule.Service)}-{n}");
        var shown = patterns.Count <= 3 ? string.Join(", ", patterns)
            : string.Create(CultureInfo.InvariantCulture,
                $"{patterns[0]}, {patterns[1]} and {patterns.Count - 2} more");
        return new MailRoute
        {
            Name = name,
            Rule = string.Create(CultureInfo.InvariantCulture, $"rule {index + 1} ({shown})"),
            Service = rule.Mx ? null : rule.Service,
            Tls = rule.Tls,
            TlsNames = [.. rule.TlsNames],
            TlsPins = [.. rule.TlsPins.Select(p => TryReadPin(p, out var pin) ? pin : null).OfType<byte[]>()
                .Select(p => new ReadOnlyMemory<byte>(p))],
            Profile = rule.Profile,
            Priority = rule.Priority is >= 0 and <= 5 ? (byte)rule.Priority.Value : null,
            SendDelayNotices = rule.SendDelayNotices,
            SendFailureNotices = rule.SendFailureNotices,
            RecipientsPerTransactionMax = Math.Clamp(rule.RecipientsPerTransactionMax, 1, 1_000),
        };
    }

    /// <summary>Reads a pin: 64 hexadecimal digits (colons allowed) or base64 of 32 bytes, with or without the prefix
    /// <c>sha256/</c>.</summary>
    internal static bool TryReadPin(string text, out byte[] pin)
    {
        var rest = text.AsSpan().Trim();
        if (rest.StartsWith("sha256/", StringComparison.OrdinalIgnoreCase))
            rest = rest["sha256/".Length..];
        pin = [];
        if (rest.Length > 128)
            return false;
        var hex = rest.ToString().Replace(":", "", StringComparison.Ordinal);
        if (hex.Length == 64 && hex.AsSpan().IndexOfAnyExcept(HexDigits) < 0)
        {
            pin = Convert.FromHexString(hex);
            return true;
        }
        Span<byte> bytes = stackalloc byte[96];
        if (!Convert.TryFromBase64Chars(rest, bytes, out var length) || length != 32)
            return false;
        pin = bytes[..length].ToArray();
        return true;
    }

    private static readonly SearchValues<char> HexDigits =
        SearchValues.Create("0123456789abcdefABCDEF");
}
