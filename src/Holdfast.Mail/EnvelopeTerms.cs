namespace Holdfast.Mail;

/// <summary>RFC 3461 NOTIFY. None set: the default (failure, and delay where we send those).</summary>
[Flags]
public enum DsnNotify : byte { Default = 0, Never = 1, Success = 2, Failure = 4, Delay = 8 }

/// <summary>RFC 3461 RET.</summary>
public enum DsnReturn : byte { Unspecified = 0, Full = 1, Headers = 2 }

/// <summary>RFC 6152 and 3030 BODY.</summary>
public enum BodyKind : byte { SevenBit = 0, EightBitMime = 1, BinaryMime = 2 }

/// <summary>What the receiver found in the content, so that delivery need not look again.</summary>
[Flags]
public enum ContentTraits : byte
{
    None = 0,
    /// <summary>At least one octet above 127.</summary>
    HasEightBit = 1,
    /// <summary>At least one line begins with a dot: DATA must stuff it.</summary>
    HasLeadingDot = 2,
    /// <summary>The content doesn't end in CRLF (BDAT only); DATA must add it.</summary>
    LacksFinalNewline = 4,
    /// <summary>A line is longer than 998 octets or holds NUL: only BDAT or a lenient DATA can carry it.</summary>
    HasLongLine = 8,
}
