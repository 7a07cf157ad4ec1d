namespace Holdfast.Mail.Smtp;

/// <summary>Writes content as DATA wants it (RFC 5321 §4.5.2): a dot before each dot that begins a line, over any
/// division into chunks, and the end mark.</summary>
internal struct DotStuffing
{
    private enum State : byte { LineStart = 0, Inside = 1, AfterCr = 2 }

    private State _state;

    /// <summary>Room that a chunk may need: "\r\n." becomes four octets.</summary>
    public static int RoomFor(int chunk) => chunk + (chunk / 3) + 2;

    /// <summary>Room of the longest end mark.</summary>
    public const int EndRoom = 5;

    public int Write(ReadOnlySpan<byte> chunk, Span<byte> output)
    {
        var written = 0;
        while (chunk.Length > 0)
        {
            if (_state != State.Inside)
            {
                var b = chunk[0];
                if (b == '.' && _state == State.LineStart)
                    output[written++] = (byte)'.';
                output[written++] = b;
                _state = b == '\r' ? State.AfterCr : b == '\n' && _state == State.AfterCr ? State.LineStart
                    : State.Inside;
                chunk = chunk[1..];
                continue;
            }
            var dot = chunk.IndexOf("\r\n."u8);
            var length = dot < 0 ? chunk.Length : dot + 2;
            chunk[..length].CopyTo(output[written..]);
            written += length;
            if (dot >= 0 || chunk.EndsWith("\r\n"u8))
                _state = State.LineStart;
            else if (chunk[^1] == '\r')
                _state = State.AfterCr;
            chunk = chunk[length..];
        }
        return written;
    }

    /// <summary>Writes the final dot, ending the last line first if the content didn't.</summary>
    public readonly int End(Span<byte> output)
    {
        var end = _state == State.LineStart ? ".\r\n"u8 : "\r\n.\r\n"u8;
        end.CopyTo(output);
        return end.Length;
    }
}
