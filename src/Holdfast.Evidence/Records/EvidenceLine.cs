using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Holdfast.Storage.Journal;

namespace Holdfast.Evidence.Records;

/// <summary>One record as one line of JSON: what stands in the journal's files.</summary>
/// <remarks>
/// Written without needless escapes, so that grep finds addresses and replies as they are. Long texts are cut, so a
/// line is bounded. Fields that a reader doesn't know are passed over; a line that isn't a record reads as null.
/// </remarks>
internal sealed class EvidenceLine : IDisposable
{
    /// <summary>Longest line that is read; what is written is always shorter.</summary>
    public const int BytesMax = 64 * 1024;
    private const int NameCharsMax = 512;
    private const int TextCharsMax = 1000;

    private static readonly JsonEncodedText[] _kinds =
        [.. Enumerable.Range(0, 256).Select(i => JsonEncodedText.Encode(((EvidenceKind)i).ToString()))];

    private static readonly JsonEncodedText _time = JsonEncodedText.Encode("time");
    private static readonly JsonEncodedText _kind = JsonEncodedText.Encode("kind");
    private static readonly JsonEncodedText _id = JsonEncodedText.Encode("id");
    private static readonly JsonEncodedText _sender = JsonEncodedText.Encode("sender");
    private static readonly JsonEncodedText _recipient = JsonEncodedText.Encode("recipient");
    private static readonly JsonEncodedText _actor = JsonEncodedText.Encode("actor");
    private static readonly JsonEncodedText _remote = JsonEncodedText.Encode("remote");
    private static readonly JsonEncodedText _service = JsonEncodedText.Encode("service");
    private static readonly JsonEncodedText _site = JsonEncodedText.Encode("site");
    private static readonly JsonEncodedText _target = JsonEncodedText.Encode("target");
    private static readonly JsonEncodedText _reply = JsonEncodedText.Encode("reply");
    private static readonly JsonEncodedText _reason = JsonEncodedText.Encode("reason");
    private static readonly JsonEncodedText _attempt = JsonEncodedText.Encode("attempt");
    private static readonly JsonEncodedText _size = JsonEncodedText.Encode("size");
    private static readonly JsonEncodedText _next = JsonEncodedText.Encode("next");
    private static readonly JsonEncodedText _took = JsonEncodedText.Encode("took_ms");

    private static readonly JsonWriterOptions _options = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true,
    };

    private readonly ArrayBufferWriter<byte> _buffer = new(1024);
    private readonly Utf8JsonWriter _writer;

    public EvidenceLine() => _writer = new Utf8JsonWriter(_buffer, _options);

    /// <summary>The record's line with its end; valid until the next call.</summary>
    public ReadOnlySpan<byte> Write(EvidenceRecord record)
    {
        _buffer.ResetWrittenCount();
        _writer.Reset();
        _writer.WriteStartObject();
        _writer.WriteString(_time, record.At.UtcDateTime);
        _writer.WriteString(_kind, _kinds[(byte)record.Kind]);
        Write(_id, record.MessageId, NameCharsMax);
        Write(_sender, record.Sender, NameCharsMax);
        Write(_recipient, record.Recipient, NameCharsMax);
        Write(_actor, record.Actor, NameCharsMax);
        Write(_remote, record.Remote, NameCharsMax);
        Write(_service, record.Service, NameCharsMax);
        Write(_site, record.Site, NameCharsMax);
        Write(_target, record.Target, NameCharsMax);
        Write(_reply, record.Reply, TextCharsMax);
        Write(_reason, record.Reason, TextCharsMax);
        if (record.Attempt is { } attempt)
            _writer.WriteNumber(_attempt, attempt);
        if (record.SizeBytes is { } size)
            _writer.WriteNumber(_size, size);
        if (record.NextAttemptAt is { } next)
            _writer.WriteString(_next, next.UtcDateTime);
        if (record.Took is { } took)
            _writer.WriteNumber(_took, Math.Round(took.TotalMilliseconds, 3));
        _writer.WriteEndObject();
        _writer.Flush();
        _buffer.GetSpan(1)[0] = (byte)'\n';
        _buffer.Advance(1);
        return _buffer.WrittenSpan;
    }

    /// <summary>Reads a line; null when it is no record (torn, damaged, of a newer kind of file). Never throws.
    /// </summary>
    public static EvidenceRecord? Read(ReadOnlySpan<byte> line)
    {
        try
        {
            return ReadObject(line);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException
            or OverflowException)
        {
            return null;
        }
    }

    public void Dispose() => _writer.Dispose();

    private void Write(JsonEncodedText name, string? text, int charsMax)
    {
        if (text is null)
            return;
        var span = text.AsSpan();
        if (span.Length > charsMax)
            span = span[..(char.IsHighSurrogate(span[charsMax - 1]) ? charsMax - 1 : charsMax)];
        _writer.WriteString(name, span);
    }

    private static EvidenceRecord? ReadObject(ReadOnlySpan<byte> line)
    {
        var reader = new Utf8JsonReader(line);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            return null;
        DateTimeOffset? at = null;
        var record = new EvidenceRecord { At = default, Kind = EvidenceKind.Unknown };
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString();
            if (!reader.Read())
                return null;
            if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
            {
                reader.Skip();
                continue;
            }
            if (reader.TokenType == JsonTokenType.Null)
                continue;
            switch (name)
            {
                case "time": at = reader.GetDateTimeOffset(); break;
                case "kind": record = record with { Kind = ReadKind(reader.GetString()) }; break;
                case "id": record = record with { MessageId = reader.GetString() }; break;
                case "sender": record = record with { Sender = reader.GetString() }; break;
                case "recipient": record = record with { Recipient = reader.GetString() }; break;
                case "actor": record = record with { Actor = reader.GetString() }; break;
                case "remote": record = record with { Remote = reader.GetString() }; break;
                case "service": record = record with { Service = reader.GetString() }; break;
                case "site": record = record with { Site = reader.GetString() }; break;
                case "target": record = record with { Target = reader.GetString() }; break;
                case "reply": record = record with { Reply = reader.GetString() }; break;
                case "reason": record = record with { Reason = reader.GetString() }; break;
                case "attempt": record = record with { Attempt = reader.GetInt32() }; break;
                case "size": record = record with { SizeBytes = reader.GetInt64() }; break;
                case "next": record = record with { NextAttemptAt = reader.GetDateTimeOffset() }; break;
                case "took_ms": record = record with { Took = ReadMilliseconds(reader.GetDouble()) }; break;
                default: break;
            }
        }
        if (at is null || reader.TokenType != JsonTokenType.EndObject || reader.Read())
            return null;
        return record with { At = at.Value };
    }

    private static EvidenceKind ReadKind(string? name) =>
        Enum.TryParse<EvidenceKind>(name, out var kind) && Enum.IsDefined(kind) ? kind : EvidenceKind.Unknown;

    private static TimeSpan ReadMilliseconds(double value) =>
        TimeSpan.FromMilliseconds(double.IsFinite(value) ? Math.Clamp(value, -1e14, 1e14) : 0);
}
