using System.Text;

namespace Holdfast.Configuration;

/// <summary>Where something stands in a configuration file, both counted from 1.</summary>
internal readonly record struct TextPosition(int Line, int Column)
{
    public static TextPosition Start => new(1, 1);
}

internal enum NodeKind { Null, Boolean, Number, Text, Array, Object }

/// <summary>A key with its value, and where the key stands.</summary>
internal sealed record ConfigurationMember(string Name, TextPosition At, ConfigurationNode Value);

/// <summary>A JSON value that remembers where it stands, so that every fault can name its line.</summary>
internal sealed class ConfigurationNode(NodeKind kind, TextPosition at, string text = "")
{
    public NodeKind Kind { get; } = kind;
    public TextPosition At { get; } = at;
    /// <summary>The scalar's text: unescaped for strings, as written for numbers, true/false for booleans.</summary>
    public string Text { get; } = text;
    public List<ConfigurationMember> Members { get; } = [];
    public List<ConfigurationNode> Items { get; } = [];

    public static ConfigurationNode EmptyObject { get; } = new(NodeKind.Object, TextPosition.Start);

    /// <summary>Last member of that name (case-insensitive), or null.</summary>
    public ConfigurationMember? Find(string name) =>
        Members.FindLast(m => string.Equals(m.Name, name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Same meaning, same text: to see whether a section changed in a reload.</summary>
    public string Canonical()
    {
        var text = new StringBuilder();
        WriteTo(text);
        return text.ToString();
    }

    private void WriteTo(StringBuilder text)
    {
        switch (Kind)
        {
            case NodeKind.Object:
                text.Append('{');
                foreach (var member in Members.OrderBy(m => m.Name, StringComparer.OrdinalIgnoreCase))
                {
                    text.Append(member.Name.ToUpperInvariant()).Append(':');
                    member.Value.WriteTo(text);
                    text.Append(',');
                }
                text.Append('}');
                break;
            case NodeKind.Array:
                text.Append('[');
                foreach (var item in Items)
                {
                    item.WriteTo(text);
                    text.Append(',');
                }
                text.Append(']');
                break;
            default:
                text.Append((int)Kind).Append('"').Append(Text.Length).Append(':').Append(Text);
                break;
        }
    }
}
