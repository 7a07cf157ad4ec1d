using System.Globalization;

namespace Holdfast.Mail.Smtp;

/// <summary>RFC 3463 enhanced status code, for example 4.3.2. <see cref="Class"/> 0: none given.</summary>
public readonly record struct EnhancedStatus(byte Class, ushort Subject, ushort Detail)
{
    public static EnhancedStatus None => default;
    public bool IsNone => Class == 0;
    public override string ToString() =>
        IsNone ? "" : string.Create(CultureInfo.InvariantCulture, $"{Class}.{Subject}.{Detail}");
}
