using System.Net;
using Holdfast.Traffic.Balance;

namespace Holdfast.Web.Records;

/// <summary>One web request, from its header to the end of its answer. Not changed after it was made.</summary>
public sealed class AccessRecord
{
    /// <summary>When its header was complete.</summary>
    public required DateTimeOffset At { get; init; }
    /// <summary>Name of the listener; null: it was closed meanwhile.</summary>
    public string? Listener { get; init; }
    /// <summary>The client, behind trusted proxies.</summary>
    public IPAddress? Client { get; init; }
    public required string Method { get; init; }
    public string? Host { get; init; }
    /// <summary>Path, with the query where that was asked for.</summary>
    public string? Path { get; init; }
    public string? Protocol { get; init; }
    public int Status { get; init; }
    /// <summary>What it came to.</summary>
    public required string Outcome { get; init; }
    /// <summary>Bytes of bodies; null: not counted.</summary>
    public long? BytesIn { get; init; }
    public long? BytesOut { get; init; }
    /// <summary>Until it was placed or refused.</summary>
    public TimeSpan? Queued { get; init; }
    /// <summary>Until the header of its target's answer.</summary>
    public TimeSpan? FirstByte { get; init; }
    public TimeSpan Took { get; init; }
    public byte? Priority { get; init; }
    public OperationClass? Operation { get; init; }
    public string? Service { get; init; }
    public string? Site { get; init; }
    public string? Target { get; init; }
    public int Attempts { get; init; }
    /// <summary><c>won</c> or <c>lost</c>; null: there was none.</summary>
    public string? Hedge { get; init; }
    /// <summary>Trace id of its <c>traceparent</c>.</summary>
    public string? Trace { get; init; }
}

/// <summary>Takes records of web requests.</summary>
public interface IAccessRecords
{
    /// <summary>Never blocks and never throws: what can't be kept is dropped and counted.</summary>
    void Append(AccessRecord record);
}
