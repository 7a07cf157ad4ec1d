using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Holdfast.Web.Records;

/// <summary>One record as one line of JSON.</summary>
/// <remarks>Texts that clients choose are cut, so a line is bounded, and escaped, so a line is one. One thread at a
/// time.</remarks>
public sealed class AccessLine : IDisposable
{
    private const int NameCharsMax = 255;
    private const int PathCharsMax = 2048;
    private static readonly JsonEncodedText[] s_operations = [.. new[] { "mail", "read", "write", "stream" }
        .Select(o => JsonEncodedText.Encode(o))];

    private static readonly JsonWriterOptions s_options = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true,
    };

    private readonly ArrayBufferWriter<byte> _buffer = new(1024);
    private readonly Utf8JsonWriter _writer;

    public AccessLine() => _writer = new Utf8JsonWriter(_buffer, s_options);

    /// <summary>Writes the record's line with its end.</summary>
    public void Write(AccessRecord record, IBufferWriter<byte> line)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(line);
        _buffer.ResetWrittenCount();
        _writer.Reset();
        _writer.WriteStartObject();
        _writer.WriteString("time"u8, record.At.UtcDateTime);
        Write("listener"u8, record.Listener, NameCharsMax);
        Write("client"u8, record.Client?.ToString(), NameCharsMax);
        Write("method"u8, record.Method, NameCharsMax);
        Write("host"u8, record.Host, NameCharsMax);
        Write("path"u8, record.Path, PathCharsMax);
        Write("protocol"u8, record.Protocol, NameCharsMax);
        _writer.WriteNumber("status"u8, record.Status);
        Write("outcome"u8, record.Outcome, NameCharsMax);
        if (record.BytesIn is { } bytesIn)
            _writer.WriteNumber("in"u8, bytesIn);
        if (record.BytesOut is { } bytesOut)
            _writer.WriteNumber("out"u8, bytesOut);
        Write("queued_ms"u8, record.Queued);
        Write("first_byte_ms"u8, record.FirstByte);
        Write("took_ms"u8, record.Took);
        if (record.Priority is { } priority)
            _writer.WriteNumber("priority"u8, priority);
        if (record.Operation is { } operation && (int)operation < s_operations.Length)
            _writer.WriteString("operation"u8, s_operations[(int)operation]);
        Write("service"u8, record.Service, NameCharsMax);
        Write("site"u8, record.Site, NameCharsMax);
        Write("target"u8, record.Target, NameCharsMax);
        if (record.Attempts > 0)
            _writer.WriteNumber("attempts"u8, record.Attempts);
        Write("hedge"u8, record.Hedge, NameCharsMax);
        Write("trace"u8, record.Trace, NameCharsMax);
        _writer.WriteEndObject();
        _writer.Flush();
        line.Write(_buffer.WrittenSpan);
        line.Write("\n"u8);
    }

    public void Dispose() => _writer.Dispose();

    private void Write(ReadOnlySpan<byte> name, string? text, int charsMax)
    {
        if (text is null)
            return;
        if (text.Length <= charsMax)
        {
            _writer.WriteString(name, text);
            return;
        }
        // Not in the middle of a character.
        var end = char.IsHighSurrogate(text[charsMax - 1]) ? charsMax - 1 : charsMax;
        _writer.WriteString(name, string.Concat(text.AsSpan(0, end), "…"));
    }

    private void Write(ReadOnlySpan<byte> name, TimeSpan? time)
    {
        if (time is { } known)
            _writer.WriteNumber(name, Math.Round((decimal)Math.Max(0, known.Ticks) / TimeSpan.TicksPerMillisecond, 3));
    }
}
