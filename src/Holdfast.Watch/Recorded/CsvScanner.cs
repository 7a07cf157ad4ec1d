using System.Buffers;

namespace Holdfast.Watch.Recorded;

/// <summary>Reads comma-separated records one by one (RFC 4180; also tabs or semicolons, as the first line has them).
/// </summary>
/// <remarks>
/// Promise: any characters are read or refused with a line number, never an exception. Fields may be quoted, with ""
/// for a quote and line ends inside; lines end in LF, CRLF or CR; empty lines and a byte order mark are skipped.
/// Memory: one record, at most <see cref="RecordCharsMax"/> characters in <see cref="FieldsMax"/> fields.
/// </remarks>
internal sealed class CsvScanner(TextReader reader)
{
    public const int RecordCharsMax = 64 << 10;
    public const int FieldsMax = 64;
    private readonly char[] _block = new char[16 << 10];
    private readonly ArrayBufferWriter<char> _text = new(256);
    private readonly int[] _ends = new int[FieldsMax];
    private char _separator;
    private int _at;
    private int _length;
    private bool _isAtStart = true;
    private long _nextLine = 1;

    /// <summary>Fields of the record that was read last.</summary>
    public int Count { get; private set; }

    /// <summary>Line that the record begins in, from 1.</summary>
    public long Line { get; private set; }

    /// <summary>The characters between the fields: a comma unless the first line has only tabs or semicolons.</summary>
    public char Separator => _separator;

    public ReadOnlySpan<char> this[int field] =>
        _text.WrittenSpan[(field == 0 ? 0 : _ends[field - 1]).._ends[field]].Trim();

    /// <summary>Reads the next record that isn't empty.</summary>
    /// <returns>False at the end, and at a fault.</returns>
    public bool TryRead(out FileFault? fault)
    {
        fault = null;
        if (_isAtStart)
        {
            _isAtStart = false;
            Fill();
            if (_length > 0 && _block[0] == '\uFEFF')
                _at++;
            _separator = Guess(_block.AsSpan(_at, _length - _at));
        }
        do
        {
            Line = _nextLine;
            _text.ResetWrittenCount();
            Count = 0;
            if (!HasMore())
                return false;
            if ((fault = ReadRecord()) is not null)
                return false;
        }
        while (Count == 1 && _text.WrittenCount == 0);
        return true;
    }

    private FileFault? ReadRecord()
    {
        while (true)
        {
            if (ReadField() is { } fault)
                return fault;
            if (Count == FieldsMax)
                return new(Line, $"has more than {FieldsMax} columns");
            _ends[Count++] = _text.WrittenCount;
            if (!HasMore())
                return null;
            var end = _block[_at++];
            if (end == _separator)
                continue;
            if (end == '\r' && HasMore() && _block[_at] == '\n')
                _at++;
            _nextLine++;
            return null;
        }
    }

    /// <summary>Reads up to what ends the field, which stays.</summary>
    private FileFault? ReadField()
    {
        if (HasMore() && _block[_at] == '"')
        {
            _at++;
            if (ReadQuoted() is { } fault)
                return fault;
        }
        while (HasMore())
        {
            var rest = _block.AsSpan(_at, _length - _at);
            var end = rest.IndexOfAny(_separator, '\r', '\n');
            var part = end < 0 ? rest : rest[..end];
            if (_text.WrittenCount + part.Length > RecordCharsMax)
                return new(Line, $"is longer than {RecordCharsMax} characters");
            _text.Write(part);
            _at += part.Length;
            if (end >= 0)
                return null;
        }
        return null;
    }

    private FileFault? ReadQuoted()
    {
        while (HasMore())
        {
            var c = _block[_at++];
            if (c == '"')
            {
                if (!HasMore() || _block[_at] != '"')
                    return null;
                _at++;
            }
            if (c == '\n')
                _nextLine++;
            if (_text.WrittenCount == RecordCharsMax)
                return new(Line, $"is longer than {RecordCharsMax} characters");
            _text.GetSpan(1)[0] = c;
            _text.Advance(1);
        }
        return new(Line, "begins a quoted field that never ends");
    }

    private static char Guess(ReadOnlySpan<char> start)
    {
        var end = start.IndexOfAny('\r', '\n');
        var line = end < 0 ? start : start[..end];
        return line.Contains(',') ? ',' : line.Contains('\t') ? '\t' : line.Contains(';') ? ';' : ',';
    }

    private bool HasMore()
    {
        if (_at == _length)
            Fill();
        return _at < _length;
    }

    private void Fill()
    {
        _at = 0;
        _length = reader.Read(_block, 0, _block.Length);
    }
}
