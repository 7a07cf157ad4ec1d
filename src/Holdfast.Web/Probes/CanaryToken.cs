using System.Globalization;

namespace Holdfast.Web.Probes;

/// <summary>What canaries write: <c>hfw-</c>, this run's own number, and which write it was.</summary>
/// <remarks>A later write of this run in its place proves that the earlier one got there too, so that checks of one
/// place may overlap. What others wrote there proves nothing.</remarks>
internal readonly struct CanaryToken
{
    /// <summary>So much of an answer is looked at.</summary>
    public const int LookBytes = 64 * 1024;
    private readonly string _prefix;

    public CanaryToken(Random random)
    {
        Span<byte> run = stackalloc byte[8];
        random.NextBytes(run);
        _prefix = $"hfw-{Convert.ToHexStringLower(run)}-";
    }

    public string Write(long number) => _prefix + number.ToString("D12", CultureInfo.InvariantCulture);

    /// <summary>Whether the answer shows that the write of this number got through.</summary>
    public bool Shows(ReadOnlySpan<byte> answer, long number)
    {
        Span<byte> prefix = stackalloc byte[32];
        prefix = prefix[..System.Text.Encoding.ASCII.GetBytes(_prefix, prefix)];
        for (var at = answer.IndexOf(prefix); at >= 0; at = answer.IndexOf(prefix))
        {
            answer = answer[(at + prefix.Length)..];
            if (answer.Length >= 12 && long.TryParse(answer[..12], NumberStyles.None, CultureInfo.InvariantCulture,
                out var written) && written >= number)
            {
                return true;
            }
        }
        return false;
    }
}
