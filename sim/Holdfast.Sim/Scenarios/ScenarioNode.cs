using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Holdfast.Sim.Scenarios;

internal enum NodeKind : byte { Null, Boolean, Number, Text, Array, Object }

/// <summary>A JSON value that knows its line. Comments and trailing commas are allowed.</summary>
/// <remarks>Any bytes give a tree or faults, never an exception. Bounds: <see cref="BytesMax"/>,
/// <see cref="DepthMax"/>.</remarks>
internal sealed class ScenarioNode(NodeKind kind, int line, string text = "")
{
    public const int BytesMax = 8 << 20;
    public const int DepthMax = 12;

    public NodeKind Kind { get; } = kind;
    public int Line { get; } = line;
    public string Text { get; } = text;
    public List<(string Name, int Line, ScenarioNode Value)> Members { get; } = [];
    public List<ScenarioNode> Items { get; } = [];

    public static ScenarioNode? Read(ReadOnlySpan<byte> utf8, List<ScenarioFault> faults)
    {
        if (utf8.Length > BytesMax)
        {
            faults.Add(new(0, "", $"the file has more than the {BytesMax} bytes allowed", "is it the right file?"));
            return null;
        }
        if (utf8.StartsWith("\uFEFF"u8))
            utf8 = utf8[3..];
        if (!Utf8.IsValid(utf8))
        {
            faults.Add(new(0, "", "the file isn't valid UTF-8", "save it as UTF-8"));
            return null;
        }
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions
        {
            CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, MaxDepth = DepthMax,
        });
        var lines = new LineCount(utf8);
        try
        {
            reader.Read();
            var root = Value(ref reader, ref lines, faults);
            reader.Read();
            if (root.Kind == NodeKind.Object)
                return root;
            faults.Add(new(root.Line, "", "the file must hold one object", "begin with {"));
            return null;
        }
        catch (JsonException e)
        {
            var what = e.Message;
            var cut = what.IndexOf(" LineNumber:", StringComparison.Ordinal);
            faults.Add(new((int)(e.LineNumber ?? 0) + 1, "",
                "not JSON here: " + (cut >= 0 ? what[..cut] : what).TrimEnd('.', ' ')));
            return null;
        }
    }

    private static ScenarioNode Value(ref Utf8JsonReader reader, ref LineCount lines, List<ScenarioFault> faults)
    {
        var line = lines.At((int)reader.TokenStartIndex);
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                var node = new ScenarioNode(NodeKind.Object, line);
                var seen = new Dictionary<string, int>(StringComparer.Ordinal);
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    var nameLine = lines.At((int)reader.TokenStartIndex);
                    var name = GetText(ref reader);
                    if (!seen.TryAdd(name, nameLine))
                        faults.Add(new(nameLine, name, $"stands here twice; the first is in line {seen[name]}"));
                    reader.Read();
                    node.Members.Add((name, nameLine, Value(ref reader, ref lines, faults)));
                }
                return node;
            case JsonTokenType.StartArray:
                var array = new ScenarioNode(NodeKind.Array, line);
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                    array.Items.Add(Value(ref reader, ref lines, faults));
                return array;
            case JsonTokenType.String:
                return new(NodeKind.Text, line, GetText(ref reader));
            case JsonTokenType.Number:
                return new(NodeKind.Number, line, Encoding.ASCII.GetString(
                    reader.HasValueSequence ? reader.ValueSequence.ToArray() : reader.ValueSpan));
            case JsonTokenType.True:
                return new(NodeKind.Boolean, line, "true");
            case JsonTokenType.False:
                return new(NodeKind.Boolean, line, "false");
            default:
                return new(NodeKind.Null, line);
        }
    }

    private static string GetText(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString() ?? "";
        }
        catch (InvalidOperationException e)
        {
            throw new JsonException("a string holds half of a surrogate pair", null, null, null, e);
        }
    }

    /// <summary>Lines of offsets that only grow.</summary>
    private ref struct LineCount(ReadOnlySpan<byte> utf8)
    {
        private readonly ReadOnlySpan<byte> _utf8 = utf8;
        private int _offset;
        private int _line = 1;

        public int At(int offset)
        {
            if (offset > _offset)
            {
                _line += _utf8[_offset..offset].Count((byte)'\n');
                _offset = offset;
            }
            return _line;
        }
    }
}
