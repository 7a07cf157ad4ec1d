using System.Collections.Immutable;
using System.Globalization;

namespace Holdfast.Sim.Scenarios;

/// <summary>Reads the fields of one object: bounds, defaults, names; what nobody asked for is a fault.</summary>
/// <remarks>A value that is wrong is told and replaced by the default, so that one reading tells every fault.</remarks>
internal sealed class FieldReader
{
    private readonly ScenarioNode _node;
    private readonly string _path;
    private readonly ReadingNotes _notes;
    private readonly List<string> _known = [];

    public FieldReader(ScenarioNode node, string path, ReadingNotes notes)
    {
        _node = node;
        _path = path;
        _notes = notes;
        if (node.Kind != NodeKind.Object)
            notes.Faults.Add(new(node.Line, path, "must be an object", "write { … }"));
    }

    public bool Has(string name) => Find(name) is not null;

    public string Text(string name, string fallback = "", int charsMax = 200, bool required = false)
    {
        if (Find(name) is not { } value)
        {
            if (required)
                Fault(name, "is missing");
            return fallback;
        }
        if (value.Kind != NodeKind.Text)
            Fault(value, name, "must be text in double quotes");
        else if (value.Text.Length > charsMax)
            Fault(value, name, $"has more than {charsMax} characters");
        else if (value.Text.Any(char.IsControl))
            Fault(value, name, "holds a control character");
        else if (required && string.IsNullOrWhiteSpace(value.Text))
            Fault(value, name, "is empty");
        else
            return value.Text;
        return fallback;
    }

    public bool Flag(string name, bool fallback)
    {
        if (Find(name) is not { } value)
            return fallback;
        if (value.Kind == NodeKind.Boolean)
            return value.Text == "true";
        Fault(value, name, "must be true or false");
        return fallback;
    }

    public double? MaybeNumber(string name, double min, double max) => Has(name) ? Number(name, min, max, min) : null;

    public double Number(string name, double min, double max, double fallback, bool required = false)
    {
        if (Find(name) is not { } value)
        {
            if (required)
                Fault(name, "is missing");
            return fallback;
        }
        return Number(value, name, min, max, fallback);
    }

    public double Number(ScenarioNode value, string name, double min, double max, double fallback)
    {
        if (value.Kind != NodeKind.Number
            || !double.TryParse(value.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
            Fault(value, name, "must be a number");
        else if (!(number >= min && number <= max))
            Fault(value, name, string.Create(CultureInfo.InvariantCulture, $"is {value.Text}; from {min} to {max}"));
        else
            return number;
        return fallback;
    }

    public int Whole(string name, int min, int max, int fallback)
    {
        var number = Number(name, min, max, fallback);
        if (number == Math.Floor(number))
            return (int)number;
        Fault(Find(name)!, name, "must be a whole number");
        return fallback;
    }

    public TimeSpan? MaybeTime(string name, TimeSpan min, TimeSpan max) => Has(name) ? Time(name, min, max, min) : null;

    public TimeSpan Time(string name, TimeSpan min, TimeSpan max, TimeSpan fallback, bool required = false)
    {
        if (Find(name) is not { } value)
        {
            if (required)
                Fault(name, "is missing", "write a duration such as \"90s\"");
            return fallback;
        }
        return Time(value, name, min, max, fallback);
    }

    public TimeSpan Time(ScenarioNode value, string name, TimeSpan min, TimeSpan max, TimeSpan fallback)
    {
        if (value.Kind != NodeKind.Text || !Duration.TryParse(value.Text, out var time))
            Fault(value, name, "must be a duration in quotes", "write \"90s\", \"20ms\", \"1h30m\"");
        else if (time < min || time > max)
            Fault(value, name, $"is {value.Text}; from {Duration.Describe(min)} to {Duration.Describe(max)}");
        else
            return time;
        return fallback;
    }

    /// <summary>One of the names, given in camel case; the fallback when it isn't given.</summary>
    public T Choice<T>(string name, T fallback, bool required = false) where T : struct, Enum =>
        MaybeChoice<T>(name, required) ?? fallback;

    public T? MaybeChoice<T>(string name, bool required = false) where T : struct, Enum
    {
        if (Find(name) is not { } value)
        {
            if (required)
                Fault(name, "is missing", "one of: " + string.Join(", ", Enum.GetNames<T>().Select(Camel)));
            return null;
        }
        string[] names = [.. Enum.GetNames<T>().Select(Camel)];
        var at = value.Kind == NodeKind.Text ? Array.IndexOf(names, value.Text) : -1;
        if (at >= 0)
            return Enum.GetValues<T>()[at];
        Fault(value, name, $"there is no \"{value.Text}\"", NearName.Suggest(value.Text, names));
        return null;
    }

    /// <summary>Index of the name among those known; −1 when it isn't there or wrong.</summary>
    public int Named(string name, IReadOnlyList<string> known, bool required = false)
    {
        if (Find(name) is not { } value)
        {
            if (required)
                Fault(name, "is missing");
            return -1;
        }
        return Named(value, name, known);
    }

    public int Named(ScenarioNode value, string name, IReadOnlyList<string> known)
    {
        for (var i = 0; i < known.Count; i++)
        {
            if (value.Kind == NodeKind.Text && Same(known[i], value.Text))
                return i;
        }
        Fault(value, name, $"there is no \"{value.Text}\"", NearName.Suggest(value.Text, known));
        return -1;
    }

    /// <summary>An object within; an empty one when it isn't given.</summary>
    public FieldReader Object(string name) =>
        new(Find(name) ?? new ScenarioNode(NodeKind.Object, _node.Line), At(name), _notes);

    public ImmutableArray<(FieldReader Reader, int Index)> Objects(string name, int max, bool required = false) =>
        [.. Items(name, max, required).Select((n, i) => (new FieldReader(n, $"{At(name)}[{i}]", _notes), i))];

    /// <summary>Items of an array; a single value counts as an array of one.</summary>
    public IReadOnlyList<ScenarioNode> Items(string name, int max, bool required = false)
    {
        var value = Find(name);
        if (value is null or { Kind: NodeKind.Array, Items.Count: 0 })
        {
            if (required)
                Fault(name, "is missing or empty");
            return [];
        }
        IReadOnlyList<ScenarioNode> items = value.Kind == NodeKind.Array ? value.Items : [value];
        if (items.Count <= max)
            return items;
        Fault(value, name, $"has {items.Count} entries; at most {max}");
        return [];
    }

    /// <summary>Names and values of an object whose names are data.</summary>
    public IReadOnlyList<(string Name, int Line, ScenarioNode Value)> Pairs(string name)
    {
        if (Find(name) is not { } value)
            return [];
        if (value.Kind == NodeKind.Object)
            return value.Members;
        Fault(value, name, "must be an object", "write { … }");
        return [];
    }

    /// <summary>Tells fields that nobody asked for. Call it last.</summary>
    public void Close()
    {
        foreach (var (name, line, _) in _node.Members)
        {
            if (!_known.Contains(name))
                _notes.Faults.Add(new(line, At(name), "unknown field", NearName.Suggest(name, _known)));
        }
    }

    public void Fault(string name, string problem, string? suggestion = null) =>
        _notes.Faults.Add(new(Find(name)?.Line ?? _node.Line, At(name), problem, suggestion));

    public void Fault(ScenarioNode value, string name, string problem, string? suggestion = null) =>
        _notes.Faults.Add(new(value.Line, At(name), problem, suggestion));

    public static bool Same(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);

    public static string Camel(string name) => char.ToLowerInvariant(name[0]) + name[1..];

    private string At(string name) => _path.Length == 0 ? name : _path + "." + name;

    private ScenarioNode? Find(string name)
    {
        if (!_known.Contains(name))
        {
            _known.Add(name);
            _notes.Fields.Add(name);
        }
        foreach (var member in _node.Members)
        {
            if (member.Name == name && member.Value.Kind != NodeKind.Null)
                return member.Value;
        }
        return null;
    }
}

/// <summary>What a reading found: every fault, and every field that was looked for.</summary>
internal sealed class ReadingNotes
{
    public List<ScenarioFault> Faults { get; } = [];
    public SortedSet<string> Fields { get; } = new(StringComparer.Ordinal);
}
