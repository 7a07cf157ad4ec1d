using System.Globalization;

namespace Holdfast.Mail.Smtp;

/// <summary>What a server's EHLO answer offers (RFC 5321 §4.1.1.1).</summary>
internal sealed record ServerOffers
{
    public static ServerOffers None { get; } = new();

    public bool Pipelining { get; init; }
    public bool EightBitMime { get; init; }
    public bool SmtpUtf8 { get; init; }
    public bool Dsn { get; init; }
    public bool StartTls { get; init; }
    public bool Size { get; init; }
    /// <summary>RFC 1870: largest message; 0: no limit given.</summary>
    public long SizeMax { get; init; }
    /// <summary>RFC 9422 RCPTMAX and MAILMAX; 0: not given.</summary>
    public int RecipientsMax { get; init; }
    public int MessagesMax { get; init; }

    /// <summary>What either has offered: a server that offered more before is in trouble now, not of another kind.
    /// </summary>
    public ServerOffers Union(ServerOffers other) => this with
    {
        EightBitMime = EightBitMime || other.EightBitMime,
        SmtpUtf8 = SmtpUtf8 || other.SmtpUtf8,
        SizeMax = SizeMax == 0 || other.SizeMax == 0 ? 0 : Math.Max(SizeMax, other.SizeMax),
    };

    public static ServerOffers Parse(string text)
    {
        var found = new ServerOffers();
        var first = true;
        foreach (var range in text.AsSpan().Split('\n'))
        {
            var line = text.AsSpan(range).Trim();
            if (first)
            {
                // The first line is the server's name.
                first = false;
                continue;
            }
            var space = line.IndexOf(' ');
            var word = space < 0 ? line : line[..space];
            var rest = space < 0 ? [] : line[(space + 1)..].Trim();
            if (Is(word, "PIPELINING"))
                found = found with { Pipelining = true };
            else if (Is(word, "8BITMIME"))
                found = found with { EightBitMime = true };
            else if (Is(word, "SMTPUTF8"))
                found = found with { SmtpUtf8 = true };
            else if (Is(word, "DSN"))
                found = found with { Dsn = true };
            else if (Is(word, "STARTTLS"))
                found = found with { StartTls = true };
            else if (Is(word, "SIZE"))
                found = found with { Size = true, SizeMax = Number(rest) };
            else if (Is(word, "LIMITS"))
                found = Limits(found, rest);
        }
        return found;
    }

    private static ServerOffers Limits(ServerOffers found, ReadOnlySpan<char> limits)
    {
        foreach (var range in limits.Split(' '))
        {
            var limit = limits[range];
            if (limit.StartsWith("RCPTMAX=", StringComparison.OrdinalIgnoreCase))
                found = found with { RecipientsMax = (int)Math.Min(Number(limit[8..]), 1_000_000) };
            else if (limit.StartsWith("MAILMAX=", StringComparison.OrdinalIgnoreCase))
                found = found with { MessagesMax = (int)Math.Min(Number(limit[8..]), 1_000_000) };
        }
        return found;
    }

    private static bool Is(ReadOnlySpan<char> word, string name) =>
        word.Equals(name, StringComparison.OrdinalIgnoreCase);

    private static long Number(ReadOnlySpan<char> text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
