using System.Globalization;
using System.Text.RegularExpressions;

namespace Holdfast.Configuration;

/// <summary>What came of reading a configuration: a snapshot, or every fault found.</summary>
internal sealed record ConfigurationResult(ConfigurationSnapshot? Snapshot, IReadOnlyList<ConfigurationFault> Faults)
{
    /// <summary>What could be read, also of a file with faults: to look further, never to be put in force. Null when it
    /// isn't JSON.</summary>
    public ConfigurationSnapshot? Readable { get; init; }
}

/// <summary>Turns a file into a checked snapshot. Used alike by <c>run</c>, <c>check</c> and reload.</summary>
/// <remarks>
/// Promise: reports everything it can find in one pass, each with the line that it concerns; gives a snapshot only if
/// nothing is wrong; never throws for what the file holds.
/// </remarks>
internal sealed partial class ConfigurationLoader(IServiceProvider rules)
{
    public const string EmbeddedSource = "the built-in example";

    public ConfigurationResult LoadFile(string path)
    {
        byte[] bytes;
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read,
                FileShare.ReadWrite | FileShare.Delete);
            bytes = ReadAtMost(stream, ConfigurationReader.BytesMax + 1);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException
            or ArgumentException)
        {
            var suggestion = e switch
            {
                FileNotFoundException or DirectoryNotFoundException => "check the path given with --config",
                UnauthorizedAccessException when Directory.Exists(path) => "give a file, not a directory",
                UnauthorizedAccessException => "make it readable for the user that holdfast runs as",
                _ => null,
            };
            // The file's name stands before the problem already.
            var why = e switch
            {
                FileNotFoundException or DirectoryNotFoundException => "there is no such file",
                UnauthorizedAccessException when Directory.Exists(path) => "it is a directory",
                _ => e.Message.TrimEnd('.'),
            };
            return new(null, [new(TextPosition.Start, "", "can't be read: " + why, suggestion)]);
        }
        return Load(bytes, path);
    }

    /// <summary>The configuration used when no file is given.</summary>
    public ConfigurationResult LoadEmbedded()
    {
        using var stream = typeof(ConfigurationLoader).Assembly.GetManifestResourceStream("default.json")
            ?? throw new InvalidOperationException("the built-in configuration is missing from the assembly");
        return Load(ReadAtMost(stream, ConfigurationReader.BytesMax), EmbeddedSource);
    }

    public ConfigurationResult Load(ReadOnlySpan<byte> utf8, string source)
    {
        var faults = new List<ConfigurationFault>();
        var root = ConfigurationReader.Read(utf8, faults);
        if (root is null)
            return new(null, faults);
        foreach (var member in root.Members)
        {
            if (!Is(member.Name, "Holdfast") && member.Name != "$schema")
            {
                faults.Add(new(member.At, member.Name, "unknown key",
                    NameGuess.Nearest(member.Name, ["Holdfast"]) is { } near
                        ? $"did you mean \"{near}\"?" : "everything stands below \"Holdfast\""));
            }
        }

        var options = new Dictionary<Type, object>();
        var texts = new Dictionary<Type, string>();
        var binder = new OptionsBinder(faults);
        foreach (var section in OptionsSection.All)
        {
            var node = Walk(root, section.Path, faults);
            var children = OptionsSection.ChildrenOf(section.Path);
            options[section.Type] = binder.BindObject(section.Type, node, section.Path, children);
            texts[section.Type] = Text(node, children);
        }
        CheckGroups(root, faults);
        var snapshot = new ConfigurationSnapshot(source, root, options, texts);
        foreach (var section in OptionsSection.All)
        {
            var bound = faults.Exists(f => f.Key.StartsWith(section.Path, StringComparison.OrdinalIgnoreCase));
            foreach (var failure in section.Validate(options[section.Type], rules))
            {
                // What attributes say was said already, in our words and with the exact line.
                if (!bound || !AttributeWords().IsMatch(failure))
                    faults.Add(Place(failure, section.Path, root));
            }
        }
        ConfigurationRules.Check(snapshot, faults);
        // Sorted as the file reads; what two checks found alike is said once.
        var sorted = faults.DistinctBy(f => (f.At, f.Key, f.Problem))
            .OrderBy(f => f.At.Line).ThenBy(f => f.At.Column).ToArray();
        return new(sorted.Length == 0 ? snapshot : null, sorted) { Readable = snapshot };
    }

    /// <summary>Node and position at a path such as <c>Holdfast:Topology:Sites:0</c>; the nearest parent when it isn't
    /// there.</summary>
    internal static (ConfigurationNode Node, TextPosition At) Nearest(ConfigurationNode root, string path)
    {
        var node = root;
        var at = root.At;
        foreach (var part in path.Split(':'))
        {
            if (ItemOf(node, part) is { } item)
            {
                node = item;
                at = node.At;
            }
            else if (node.Find(part) is { } member)
            {
                node = member.Value;
                at = member.At;
            }
            else
            {
                break;
            }
        }
        return (node, at);
    }

    private static ConfigurationNode Walk(ConfigurationNode root, string path, List<ConfigurationFault> faults)
    {
        var node = root;
        var walked = "";
        foreach (var part in path.Split(':'))
        {
            walked = walked.Length == 0 ? part : walked + ":" + part;
            if (node.Find(part) is not { } member)
                return ConfigurationNode.EmptyObject;
            if (member.Value.Kind != NodeKind.Object)
            {
                var fault = new ConfigurationFault(member.Value.At, walked, "must be an object", "write { … }");
                if (!faults.Contains(fault))
                    faults.Add(fault);
                return ConfigurationNode.EmptyObject;
            }
            node = member.Value;
        }
        return node;
    }

    /// <summary>Keys of objects that only group sections, such as <c>Holdfast:Mail</c>.</summary>
    private static void CheckGroups(ConfigurationNode root, List<ConfigurationFault> faults)
    {
        var groups = OptionsSection.All.Select(s => s.Path[..Math.Max(0, s.Path.LastIndexOf(':'))])
            .Where(g => g.Length > 0 && OptionsSection.All.All(s => s.Path != g)).Distinct();
        foreach (var group in groups)
        {
            var known = OptionsSection.ChildrenOf(group);
            foreach (var member in Walk(root, group, faults).Members)
            {
                if (!known.Contains(member.Name, StringComparer.OrdinalIgnoreCase))
                    faults.Add(new(member.At, group + ":" + member.Name, "unknown key",
                        NameGuess.Suggest(member.Name, known)));
            }
        }
    }

    /// <summary>Finds the line that a room's message speaks of, by the longest key path that it names.</summary>
    private static ConfigurationFault Place(string failure, string section, ConfigurationNode root)
    {
        failure = failure.TrimEnd('.', ' ');
        var words = failure;
        var (sectionNode, at) = Nearest(root, section);
        var key = section;
        var bestDepth = 0;
        foreach (Match match in KeyPath().Matches(failure))
        {
            var path = match.Value.Replace('[', ':').Replace("]", "", StringComparison.Ordinal).Replace('.', ':')
                .Trim(':');
            if (path.StartsWith(section + ":", StringComparison.OrdinalIgnoreCase))
                path = path[(section.Length + 1)..];
            var found = Follow(sectionNode, path);
            if (found is { } hit && hit.Depth > bestDepth)
            {
                bestDepth = hit.Depth;
                at = hit.At;
                key = section + ":" + path;
                // A message that begins with its key needn't say it twice.
                if (match.Index == 0 && failure.AsSpan(match.Length).StartsWith(": "))
                    words = failure[(match.Length + 2)..];
            }
        }
        // "Listeners:0 (relay): Tls …": the line says which listener, and the word after it which of its keys.
        if (bestDepth > 0 && NamedItem().Match(words) is { Success: true } named && key.EndsWith(named.Groups[1].Value,
            StringComparison.OrdinalIgnoreCase))
        {
            words = words[named.Length..];
            var word = words.AsSpan(0, Math.Max(0, words.AsSpan().IndexOfAny(' ', ':'))).ToString();
            if (Nearest(root, key).Node.Find(word) is { } member)
                (key, at) = ($"{key}:{member.Name}", member.At);
        }
        return new(at, key, words);
    }

    private static (int Depth, TextPosition At)? Follow(ConfigurationNode node, string path)
    {
        var depth = 0;
        var at = node.At;
        foreach (var part in path.Split(':'))
        {
            if (ItemOf(node, part) is { } item)
                (node, at) = (item, item.At);
            else if (node.Find(part) is { } member)
                (node, at) = (member.Value, member.At);
            else
                return depth == 0 ? null : (depth, at);
            depth++;
        }
        return (depth, at);
    }

    private static ConfigurationNode? ItemOf(ConfigurationNode node, string part) =>
        node.Kind == NodeKind.Array
        && int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
        && index < node.Items.Count ? node.Items[index] : null;

    private static string Text(ConfigurationNode node, IReadOnlyList<string> children)
    {
        var own = new ConfigurationNode(NodeKind.Object, node.At);
        own.Members.AddRange(node.Members.Where(m => !children.Contains(m.Name, StringComparer.OrdinalIgnoreCase)));
        return own.Canonical();
    }

    private static byte[] ReadAtMost(Stream stream, int limit)
    {
        var bytes = new byte[limit];
        var length = stream.ReadAtLeast(bytes, limit, throwOnEndOfStream: false);
        return bytes[..length];
    }

    private static bool Is(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);

    [GeneratedRegex(@"The field [\w.[\]]+ must|The [\w.[\]]+ field (is required|must)")]
    private static partial Regex AttributeWords();

    [GeneratedRegex(@"^([A-Za-z]+:\d+) \([^)]*\): ")]
    private static partial Regex NamedItem();

    [GeneratedRegex(@"[A-Za-z][A-Za-z0-9]*(?:\[\d+\]|[:.][A-Za-z0-9]+)*")]
    private static partial Regex KeyPath();
}
