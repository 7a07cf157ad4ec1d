using System.Globalization;
using Holdfast.Configuration;
using Holdfast.Mail.Queue;

namespace Holdfast.Operator;

/// <summary>A queue selector in the query of a URL: <c>?recipient=*@example.com&amp;older=4h&amp;held=true</c>.
/// </summary>
internal static class SelectorQuery
{
    private static readonly string[] s_names =
        ["all", "id", "sender", "recipient", "destination", "older", "younger", "reason", "held", "limit", "after"];

    /// <summary>Reads the selector; on failure says what is wrong.</summary>
    public static QueueSelector? TryRead(IQueryCollection query, out string? problem)
    {
        problem = null;
        foreach (var name in query.Keys)
        {
            if (!s_names.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                problem = $"unknown parameter \"{name}\"; "
                    + (NameGuess.Suggest(name, s_names) ?? "known: " + string.Join(", ", s_names));
                return null;
            }
        }
        if (!TryDuration(query, "older", out var older, out problem)
            || !TryDuration(query, "younger", out var younger, out problem)
            || !TryFlag(query, "held", out var held, out problem) || !TryFlag(query, "all", out var all, out problem))
            return null;
        var selector = new QueueSelector
        {
            Ids = [.. query["id"].OfType<string>().Where(id => id.Length > 0)],
            Sender = Text(query, "sender"), Recipient = Text(query, "recipient"),
            Destination = Text(query, "destination"), Reason = Text(query, "reason"),
            OlderThan = older, YoungerThan = younger, IsHeld = held, All = all ?? false,
        };
        return selector;
    }

    /// <summary>Number in the query within bounds, the default when it isn't given, or null when it is wrong.</summary>
    public static int? TryNumber(IQueryCollection query, string name, int otherwise, int min, int max)
    {
        var text = Text(query, name);
        if (text is null)
            return otherwise;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number >= min && number <= max ? number : null;
    }

    /// <summary>The same selector as a query, beginning with '?' unless it is empty.</summary>
    public static string Write(QueueSelector selector, params (string Name, string? Value)[] more)
    {
        var query = new QueryString();
        foreach (var id in selector.Ids)
            query = query.Add("id", id);
        (string Name, string? Value)[] values =
        [
            ("sender", selector.Sender), ("recipient", selector.Recipient), ("destination", selector.Destination),
            ("older", selector.OlderThan is { } older ? Quantity.Describe(older) : null),
            ("younger", selector.YoungerThan is { } younger ? Quantity.Describe(younger) : null),
            ("reason", selector.Reason),
            ("held", selector.IsHeld is { } held ? (held ? "true" : "false") : null),
            ("all", selector.All ? "true" : null), .. more,
        ];
        foreach (var (name, value) in values)
        {
            if (value is not null)
                query = query.Add(name, value);
        }
        return query.ToString();
    }

    /// <summary>True when at least one condition is given, or all messages are asked for by name.</summary>
    public static bool SelectsSomething(QueueSelector selector) =>
        selector.All || HasCondition(selector);

    public static bool HasCondition(QueueSelector selector) =>
        selector.Ids.Count > 0 || selector.Sender is not null || selector.Recipient is not null
        || selector.Destination is not null || selector.OlderThan is not null || selector.YoungerThan is not null
        || selector.Reason is not null || selector.IsHeld is not null;

    private static string? Text(IQueryCollection query, string name) =>
        query[name].ToString() is { Length: > 0 } text ? text : null;

    private static bool TryDuration(IQueryCollection query, string name, out TimeSpan? duration, out string? problem)
    {
        duration = null;
        problem = null;
        if (Text(query, name) is not { } text)
            return true;
        if (Quantity.TryParseDuration(text, out var parsed))
        {
            duration = parsed;
            return true;
        }
        problem = $"{name}: \"{text}\" is not a duration; write for example 90s, 15m, 4h, 2d";
        return false;
    }

    private static bool TryFlag(IQueryCollection query, string name, out bool? flag, out string? problem)
    {
        flag = null;
        problem = null;
        if (Text(query, name) is not { } text)
            return true;
        if (bool.TryParse(text, out var parsed))
        {
            flag = parsed;
            return true;
        }
        problem = $"{name}: write true or false, not \"{text}\"";
        return false;
    }
}
