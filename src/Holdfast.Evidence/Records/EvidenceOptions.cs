using System.ComponentModel.DataAnnotations;

namespace Holdfast.Evidence.Records;

/// <summary>How long evidence is kept: section <c>Holdfast:Evidence</c>.</summary>
public sealed class EvidenceOptions
{
    /// <summary>Records older than this are deleted, a file at a time.</summary>
    /// <value>90 days, as Exchange Online's message trace. Range 1 hour to 3 650 days.</value>
    [Range(typeof(TimeSpan), "01:00:00", "3650.00:00:00")]
    public TimeSpan KeepFor { get; set; } = TimeSpan.FromDays(90);

    /// <summary>Most bytes that evidence may take, indexes included; the oldest files go first.</summary>
    /// <value>4 GiB. Range 16 MiB to 16 TiB.</value>
    [Range(16L << 20, 16L << 40)]
    public long KeepBytes { get; set; } = 4L << 30;
}
