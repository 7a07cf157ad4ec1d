using System.ComponentModel.DataAnnotations;

namespace Holdfast.Web.Records;

/// <summary>Which web requests are written down, and how long that is kept: section <c>Holdfast:Web:Records</c>.
/// </summary>
public sealed class RecordOptions
{
    /// <summary>Share of requests that get a record, whatever became of them.</summary>
    /// <value>0.01, as traces. Range 0 to 1.</value>
    [Range(0.0, 1.0)] public double Share { get; set; } = 0.01;

    /// <summary>Requests that a target failed (5xx, no answer, broken off, late) or that needed a second attempt get
    /// one too, if they weren't drawn. What was shed or refused is not among them.</summary>
    /// <value>true.</value>
    public bool Failures { get; set; } = true;

    /// <summary>The query stands in the record too. It may hold what nobody should read.</summary>
    /// <value>false.</value>
    public bool WithQuery { get; set; }

    /// <summary>A request without a <c>traceparent</c> that can be read gets one of ours, which its target sees. The
    /// flag in it that asks targets to record is set where the request was drawn for a record here.</summary>
    /// <value>true. False where targets begin traces themselves: most follow the flag.</value>
    public bool Traces { get; set; } = true;

    /// <summary>Records older than this are deleted, a file at a time.</summary>
    /// <value>7 days. Range 1 hour to 3 650 days.</value>
    [Range(typeof(TimeSpan), "01:00:00", "3650.00:00:00")]
    public TimeSpan KeepFor { get; set; } = TimeSpan.FromDays(7);

    /// <summary>Most bytes that records may take; the oldest files go first.</summary>
    /// <value>1 GiB. Range 16 MiB to 16 TiB.</value>
    [Range(16L << 20, 16L << 40)] public long KeepBytes { get; set; } = 1L << 30;
}
