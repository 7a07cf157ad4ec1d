using System.Globalization;

namespace Holdfast.Mail.Smtp;

/// <summary>One SMTP reply (RFC 5321 §4.2): ours to a client, or a server's to us.</summary>
/// <param name="Code">200 to 599.</param>
/// <param name="Status">Enhanced code, or none; its class equals the code's first digit.</param>
/// <param name="Text">Text without code and enhanced code; several lines are joined by '\n'.</param>
public sealed record SmtpReply(int Code, EnhancedStatus Status, string Text)
{
    public bool IsPositive => Code is >= 200 and < 300;
    public bool IsIntermediate => Code is >= 300 and < 400;
    public bool IsTransient => Code is >= 400 and < 500;
    public bool IsPermanent => Code is >= 500 and < 600;

    /// <summary>One line for people and evidence.</summary>
    public override string ToString()
    {
        var text = Text.Replace('\n', ' ');
        return Status.IsNone ? string.Create(CultureInfo.InvariantCulture, $"{Code} {text}")
            : string.Create(CultureInfo.InvariantCulture, $"{Code} {Status} {text}");
    }

    public static SmtpReply Of(int code, byte @class, ushort subject, ushort detail, string text) =>
        new(code, new EnhancedStatus(@class, subject, detail), text);
}
