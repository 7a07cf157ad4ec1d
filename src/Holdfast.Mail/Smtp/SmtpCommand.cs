namespace Holdfast.Mail.Smtp;

internal enum SmtpVerb : byte
{
    Unknown = 0, Helo, Ehlo, Mail, Rcpt, Data, Bdat, Rset, Noop, Quit, Vrfy, Expn, Help, StartTls, Auth, XClient,
}

/// <summary>Extensions whose parameters the session takes; a parameter of any other is answered 555.</summary>
[Flags]
internal enum OfferedExtensions : ushort
{
    None = 0,
    Size = 1,
    EightBitMime = 2,
    SmtpUtf8 = 4,
    Dsn = 8,
    Auth = 16,
    Chunking = 32,
    BinaryMime = 64,
    MtPriority = 128,
    RequireTls = 256,
    All = 511,
}

/// <summary>One parsed command. Reused for all commands of a session; what belongs to another verb has its default.
/// </summary>
internal sealed class SmtpCommand
{
    public SmtpVerb Verb { get; internal set; }
    /// <summary>HELO and EHLO: the name. AUTH: the mechanism in upper case. VRFY, EXPN, XCLIENT: the rest of the line.
    /// Otherwise empty.</summary>
    public string Argument { get; internal set; } = "";
    /// <summary>AUTH: initial response in base 64; "=" means empty; null when none was given (RFC 4954 §4).</summary>
    public string? InitialResponse { get; internal set; }
    /// <summary>MAIL: reverse-path. RCPT: forward-path.</summary>
    public EmailAddress Address { get; internal set; }

    // MAIL
    /// <summary>RFC 1870; null when not given.</summary>
    public long? Size { get; internal set; }
    public BodyKind Body { get; internal set; }
    public bool SmtpUtf8 { get; internal set; }
    public DsnReturn Return { get; internal set; }
    /// <summary>ENVID, decoded, or null.</summary>
    public string? EnvelopeId { get; internal set; }
    /// <summary>AUTH= of MAIL, decoded; empty for "&lt;&gt;"; null when not given (RFC 4954 §5).</summary>
    public string? AuthSender { get; internal set; }
    /// <summary>RFC 6710: −9 to 9, or null.</summary>
    public int? MtPriority { get; internal set; }
    /// <summary>RFC 8689.</summary>
    public bool RequireTls { get; internal set; }

    // RCPT
    public DsnNotify Notify { get; internal set; }
    /// <summary>ORCPT as "type;address", the address decoded, or null.</summary>
    public string? OriginalRecipient { get; internal set; }

    // BDAT
    public long ChunkSize { get; internal set; }
    public bool IsLastChunk { get; internal set; }

    internal void Clear()
    {
        Verb = SmtpVerb.Unknown;
        Argument = "";
        InitialResponse = null;
        Address = default;
        Size = null;
        Body = BodyKind.SevenBit;
        SmtpUtf8 = false;
        Return = DsnReturn.Unspecified;
        EnvelopeId = null;
        AuthSender = null;
        MtPriority = null;
        RequireTls = false;
        Notify = DsnNotify.Default;
        OriginalRecipient = null;
        ChunkSize = 0;
        IsLastChunk = false;
    }
}
