using System.Text;
using Holdfast.Mail.Spool;

namespace Holdfast.Mail.Queue;

/// <summary>Finds the traits of a content that comes in blocks, and newlines that aren't CRLF.</summary>
internal sealed class ContentScan
{
    private const int LineBytesMax = 998;
    private ContentTraits _traits;
    private int _inLine;
    private byte _last = (byte)'\n';
    private bool _any;
    private bool _bare;

    /// <summary>A CR or LF by itself: the mark of SMTP smuggling (RFC 5321 §2.3.8). Holds once all was added.</summary>
    public bool HasBareNewline => _bare || _last == '\r';

    public ContentTraits Traits =>
        _any && (_last != '\n' || HasBareNewline) ? _traits | ContentTraits.LacksFinalNewline : _traits;

    public void Add(ReadOnlySpan<byte> block)
    {
        if (block.IsEmpty)
            return;
        _any = true;
        if ((_traits & ContentTraits.HasEightBit) == 0 && !Ascii.IsValid(block))
            _traits |= ContentTraits.HasEightBit;
        foreach (var octet in block)
        {
            if (_last == '\r' && octet != '\n')
                _bare = true;
            switch (octet)
            {
                case (byte)'\n':
                    _bare |= _last != '\r';
                    _inLine = 0;
                    break;
                case (byte)'\r':
                    break;
                default:
                    if (_inLine == 0 && octet == '.')
                        _traits |= ContentTraits.HasLeadingDot;
                    if (++_inLine > LineBytesMax || octet == 0)
                        _traits |= ContentTraits.HasLongLine;
                    break;
            }
            _last = octet;
        }
    }
}
