using System.Globalization;

namespace Holdfast.Commands;

/// <summary>Points of time for tables: UTC to the second.</summary>
internal static class Moment
{
    public static string Of(DateTimeOffset at) =>
        at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    public static string Of(DateTimeOffset? at) => at is { } known ? Of(known) : "-";
}
