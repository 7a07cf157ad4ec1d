using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Holdfast.Configuration;

/// <summary>Reads JSON with comments and trailing commas into nodes that know their line and column.</summary>
/// <remarks>
/// Promise: any bytes give either a tree or faults, never an exception. Bounds: <see cref="BytesMax"/>,
/// <see cref="DepthMax"/>. A syntax error ends the reading, since what follows it can't be trusted; duplicate keys are
/// all reported.
/// </remarks>
internal static class ConfigurationReader
{
    public const int BytesMax = 1 << 20;
    public const int DepthMax = 16;

    public static ConfigurationNode? Read(ReadOnlySpan<byte> utf8, List<ConfigurationFault> faults)
    {
        if (utf8.Length > BytesMax)
        {
            faults.Add(new(TextPosition.Start, "",
                $"the file has more than the {BytesMax} bytes allowed",
                "is it the right file?"));
            return null;
        }
        if (utf8.StartsWith("\uFEFF"u8))
            utf8 = utf8[3..];
        var lines = new LineIndex(utf8);
        if (!Utf8.IsValid(utf8))
        {
            faults.Add(new(lines.PositionOf(utf8, FirstInvalid(utf8)), "", "the file isn't valid UTF-8",
                "save it as UTF-8"));
            return null;
        }
        if (IsBlank(utf8))
        {
            faults.Add(new(TextPosition.Start, "", "the file is empty",
                """begin with { "Holdfast": { } } or copy examples/two-sites.json"""));
            return null;
        }
        // One level more than allowed, so that we say it in our words before the reader throws.
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions
        {
            CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, MaxDepth = DepthMax + 1,
        });
        try
        {
            reader.Read();
            var root = ReadValue(ref reader, utf8, lines, "", faults);
            // A second value after the root makes the reader throw.
            reader.Read();
            if (root.Kind != NodeKind.Object)
            {
                faults.Add(new(root.At, "", "the file must hold one object", """begin with { "Holdfast": {"""));
                return null;
            }
            return root;
        }
        catch (JsonException e)
        {
            var offset = lines.OffsetOf((int)(e.LineNumber ?? 0), (int)(e.BytePositionInLine ?? 0), utf8.Length);
            faults.Add(SyntaxFault(e, lines.PositionOf(utf8, offset), utf8, offset));
            return null;
        }
        catch (DepthException e)
        {
            faults.Add(new(e.At, "", $"nested deeper than {DepthMax} levels", "is a bracket missing above?"));
            return null;
        }
    }

    private static ConfigurationNode ReadValue(ref Utf8JsonReader reader, ReadOnlySpan<byte> utf8, LineIndex lines,
        string path, List<ConfigurationFault> faults)
    {
        var at = lines.PositionOf(utf8, (int)reader.TokenStartIndex);
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                if (reader.CurrentDepth >= DepthMax)
                    throw new DepthException(at);
                var node = new ConfigurationNode(NodeKind.Object, at);
                var firstSeen = new Dictionary<string, TextPosition>(StringComparer.OrdinalIgnoreCase);
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    var nameAt = lines.PositionOf(utf8, (int)reader.TokenStartIndex);
                    var name = GetText(ref reader);
                    var memberPath = path.Length == 0 ? name : path + ":" + name;
                    if (!firstSeen.TryAdd(name, nameAt))
                    {
                        faults.Add(new(nameAt, memberPath,
                            $"the key stands here twice; the first is in line {firstSeen[name].Line}",
                            "remove one of them (capitals make no difference)"));
                    }
                    reader.Read();
                    node.Members.Add(new(name, nameAt, ReadValue(ref reader, utf8, lines, memberPath, faults)));
                }
                return node;
            case JsonTokenType.StartArray:
                if (reader.CurrentDepth >= DepthMax)
                    throw new DepthException(at);
                var array = new ConfigurationNode(NodeKind.Array, at);
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                    array.Items.Add(ReadValue(ref reader, utf8, lines, $"{path}:{array.Items.Count}", faults));
                return array;
            case JsonTokenType.String:
                return new(NodeKind.Text, at, GetText(ref reader));
            case JsonTokenType.Number:
                return new(NodeKind.Number, at, Encoding.ASCII.GetString(
                    reader.HasValueSequence ? reader.ValueSequence.ToArray() : reader.ValueSpan));
            case JsonTokenType.True:
                return new(NodeKind.Boolean, at, "true");
            case JsonTokenType.False:
                return new(NodeKind.Boolean, at, "false");
            default:
                return new(NodeKind.Null, at);
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
            // Lone surrogates in \u escapes.
            throw new JsonException("the string holds half of a surrogate pair", null, null, null, e);
        }
    }

    private static ConfigurationFault SyntaxFault(JsonException e, TextPosition at, ReadOnlySpan<byte> utf8, int offset)
    {
        var what = e.Message;
        var cut = what.IndexOf(" LineNumber:", StringComparison.Ordinal);
        if (cut >= 0)
            what = what[..cut];
        what = what.TrimEnd('.', ' ');
        var next = offset < utf8.Length ? utf8[offset] : (byte)0;
        var suggestion = what switch
        {
            _ when next == (byte)'\'' => "use double quotes",
            _ when what.Contains("Expected depth to be zero", StringComparison.Ordinal)
                => "a closing bracket is missing: count the { and }",
            _ when what.Contains("after a value", StringComparison.Ordinal)
                || what.Contains("invalid after", StringComparison.Ordinal)
                => "is a comma missing before it?",
            _ when what.Contains("end of a string", StringComparison.OrdinalIgnoreCase)
                || what.Contains("within a JSON string", StringComparison.Ordinal)
                => "is a closing quote missing?",
            _ when what.Contains("property name", StringComparison.Ordinal)
                || what.Contains("start of a property", StringComparison.Ordinal)
                => "keys stand in double quotes",
            _ => "text stands in double quotes; true, false, null and numbers without",
        };
        return new(at, "", "not JSON here: " + what, suggestion);
    }

    private static bool IsBlank(ReadOnlySpan<byte> utf8) => utf8.Trim(" \t\r\n"u8).IsEmpty;

    private static int FirstInvalid(ReadOnlySpan<byte> utf8)
    {
        var offset = 0;
        while (offset < utf8.Length
               && Rune.DecodeFromUtf8(utf8[offset..], out _, out var consumed) == OperationStatus.Done)
            offset += consumed;
        return offset;
    }

    private sealed class DepthException(TextPosition at) : Exception
    {
        public TextPosition At { get; } = at;
    }

    /// <summary>Offsets at which lines begin.</summary>
    private sealed class LineIndex
    {
        private readonly List<int> _starts = [0];

        public LineIndex(ReadOnlySpan<byte> utf8)
        {
            for (var i = 0; i < utf8.Length; i++)
            {
                if (utf8[i] == (byte)'\n')
                    _starts.Add(i + 1);
            }
        }

        public int OffsetOf(int line, int byteInLine, int length) =>
            Math.Min(_starts[Math.Min(line, _starts.Count - 1)] + byteInLine, length);

        public TextPosition PositionOf(ReadOnlySpan<byte> utf8, int offset)
        {
            var line = _starts.BinarySearch(offset);
            if (line < 0)
                line = ~line - 1;
            return new(line + 1, Encoding.UTF8.GetCharCount(utf8[_starts[line]..offset]) + 1);
        }
    }
}
