using System.Globalization;
using System.Text;
using Holdfast.Commands;
using Holdfast.Mail.Receive;
using Holdfast.Mail.Route;

namespace Holdfast.Fuzz.Targets;

/// <summary>Files and patterns that operators write for receiving and routing.</summary>
internal static class FileTargets
{
    public static int Users(ReadOnlySpan<byte> input)
    {
        var list = Parsed(input, UserList.Parse);
        foreach (var (_, line) in Lines(input))
        {
            var name = line.StartsWith('{') ? "" : line[..Math.Max(0, line.IndexOf(':'))];
            Promise.Holds(list is null || name.Length == 0 || list.Find(name) is not null, "every user is found");
        }
        if (list is null)
            return -1;
        // The command that edits the file and the server that reads it must mean the same user.
        foreach (var (_, line) in Lines(input))
        {
            Promise.Holds(UserFile.NameOf(line) is { } name
                && UserList.Parse(Encoding.UTF8.GetBytes(line)).Find(name) is not null,
                "a line's user is found by name");
        }
        return list.Count;
    }

    /// <summary>Any line has a name or none.</summary>
    public static int UserLine(ReadOnlySpan<byte> input) =>
        UserFile.NameOf(Encoding.UTF8.GetString(input)) is { } name ? name.Length > 0 ? 2 : 1 : 0;

    public static int Recipients(ReadOnlySpan<byte> input)
    {
        var list = Parsed(input, RecipientDirectory.Parse);
        if (list is null)
            return -1;
        foreach (var (_, line) in Lines(input))
        {
            Promise.Holds(list.Contains(line, '\0') && list.Contains(line, '+'), "every entry is found");
            Promise.Holds(line[0] != '@' || list.Contains("any" + line, '+'), "a domain's addresses are found");
            _ = list.Contains(line.AsSpan(1), line[0]);
        }
        return list.Count;
    }

    public static int Domains(ReadOnlySpan<byte> input)
    {
        var list = Parsed(input, DomainList.Parse);
        if (list is null)
            return -1;
        foreach (var (_, line) in Lines(input))
        {
            Promise.Holds(list.Contains(line[0] == '.' ? "any" + line : line), "every domain is found");
            _ = list.Contains(line.AsSpan(1));
        }
        return list.Count;
    }

    /// <summary>First line: a domain. The others: patterns of rules.</summary>
    public static int Routes(ReadOnlySpan<byte> input)
    {
        var lines = Encoding.UTF8.GetString(input).Split('\n');
        var rules = lines.Skip(1).Take(50).Select(l => new RouteRuleOptions { Domain = l, Service = "mail" }).ToArray();
        var table = RouteTable.FromOptions(new RouteOptions { Rules = rules });
        var decision = table.Decide(lines[0]);
        var shape = decision.HasRoute ? 1 : 0;
        for (var i = 0; i < rules.Length; i++)
        {
            foreach (var pattern in RoutePatterns.Of(rules[i]))
            {
                var fault = RoutePatterns.FaultOf(pattern);
                shape = HashCode.Combine(shape, fault?.Length);
                Promise.Holds(RoutePatterns.Covers(pattern, pattern), "a pattern covers itself");
                if (fault is not null || pattern == "*")
                    continue;
                Promise.Holds(RoutePatterns.Normalize(pattern) == pattern, "a good pattern is in its normal form");
                var domain = pattern.StartsWith("*.", StringComparison.Ordinal) ? "any" + pattern[1..] : pattern;
                if (domain.Length > 253)
                    continue; // Nothing below it can be a domain.
                var route = table.Decide(domain).Route;
                Promise.Holds(route is not null && IndexOf(table, route) <= i,
                    "a rule or one before it takes its domain");
            }
        }
        return shape;
    }

    public static int Networks(ReadOnlySpan<byte> input)
    {
        var entries = Encoding.UTF8.GetString(input).Split('\n').Take(50).ToArray();
        if (!NetworkSet.TryParse(entries, out var set, out var fault))
        {
            Promise.Holds(fault.Length > 0, "a fault says what");
            return 0;
        }
        foreach (var entry in entries)
        {
            var address = System.Net.IPAddress.Parse(entry.AsSpan().Trim()[..(entry.Trim() + "/").IndexOf('/')]);
            Promise.Holds(set.Contains(address), "a network holds its first address");
        }
        return entries.Length;
    }

    private static int IndexOf(RouteTable table, MailRoute route)
    {
        for (var i = 0; i < table.Routes.Count; i++)
        {
            if (ReferenceEquals(table.Routes[i], route))
                return i;
        }
        return -1;
    }

    private static IEnumerable<(int Number, string Text)> Lines(ReadOnlySpan<byte> input)
    {
        var lines = TextLines.Of(input.ToArray()).ToArray();
        foreach (var (_, line) in lines)
        {
            Promise.Holds(line.Length > 0 && line == line.Trim() && line[0] is not ('#' or '\uFEFF'),
                "lines are trimmed, and neither empty nor comments");
        }
        return lines;
    }

    /// <summary>What the parser makes of a file; null when it told of a line, and of the right one.</summary>
    private static T? Parsed<T>(ReadOnlySpan<byte> input, Func<ReadOnlyMemory<byte>, T> parse)
        where T : class
    {
        var bytes = input.ToArray();
        try
        {
            return parse(bytes);
        }
        catch (FormatException e)
        {
            var said = e.Message.StartsWith("line ", StringComparison.Ordinal) ? e.Message[5..].Split(':')[0] : "";
            Promise.Holds(int.TryParse(said, NumberStyles.None, CultureInfo.InvariantCulture, out var line),
                "a fault begins with its line");
            var start = 0;
            for (var i = 1; i < line; i++)
                start += bytes.AsSpan(start).IndexOf((byte)'\n') + 1;
            Promise.Holds(Takes(bytes.AsMemory(0, start), parse), "the lines before the faulty one are good");
            var end = bytes.AsSpan(start).IndexOf((byte)'\n');
            Promise.Holds(!Takes(end < 0 ? bytes : bytes.AsMemory(0, start + end), parse), "the faulty line is faulty");
            return null;
        }
    }

    private static bool Takes<T>(ReadOnlyMemory<byte> bytes, Func<ReadOnlyMemory<byte>, T> parse)
    {
        try
        {
            parse(bytes);
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }
}
