using System.Buffers.Binary;
using System.Diagnostics;

namespace Holdfast.Mail;

/// <summary>Spans of a message's way, for OpenTelemetry: <c>mail receive</c> from its first octet to our reply, and
/// <c>mail deliver</c> for each attempt.</summary>
/// <remarks>
/// Promise: all spans of a message bear one trace id, made of the message's id, so that they find each other after
/// hours of waiting and a restart without anything being stored, and a sampler that judges by trace id keeps all or
/// none.
/// Spans are written when they have ended; nothing is paid for them while nobody listens.
/// Limit: the parent that they name, the message itself, is never sent.
/// </remarks>
internal static class MessageSpans
{
    public const string SourceName = "Holdfast.Mail";
    private static readonly ActivitySource s_source = new(SourceName);

    /// <param name="refusal">Why it was not taken; null when it was.</param>
    public static void Received(MessageId id, DateTimeOffset began, DateTimeOffset ended, string listener, long bytes,
        string? refusal)
    {
        if (!s_source.HasListeners() || Begin("mail receive", ActivityKind.Server, id, began) is not { } span)
            return;
        span.SetTag("holdfast.listener", listener).SetTag("holdfast.message.bytes", bytes);
        End(span, ended, refusal);
    }

    /// <param name="where">"site/target" or "mx/host"; empty when no place was found.</param>
    /// <param name="fault">What the first recipient met that the message was not delivered to; null when there is none.
    /// </param>
    public static void Attempted(MessageId id, DateTimeOffset ended, TimeSpan took, string route, string where,
        int recipients, string? fault)
    {
        if (!s_source.HasListeners() || Begin("mail deliver", ActivityKind.Client, id, ended - took) is not { } span)
            return;
        span.SetTag("holdfast.route", route).SetTag("holdfast.target", where)
            .SetTag("holdfast.recipients", recipients);
        End(span, ended, fault);
    }

    /// <summary>The trace of a message: its id, mixed, since samplers take the first octets for random and an id
    /// begins with the time.</summary>
    internal static ActivityContext TraceOf(MessageId id)
    {
        Span<byte> octets = stackalloc byte[24];
        var high = Mix(id.High + (0x9E3779B97F4A7C15 * id.Low));
        var low = Mix(high ^ id.Low);
        BinaryPrimitives.WriteUInt64BigEndian(octets, high);
        BinaryPrimitives.WriteUInt64BigEndian(octets[8..], low);
        // An id of nought would be none (W3C Trace Context §3.2.2.3, §3.2.2.4).
        BinaryPrimitives.WriteUInt64BigEndian(octets[16..], Mix(low) | 1);
        return new ActivityContext(ActivityTraceId.CreateFromBytes(octets[..16]),
            ActivitySpanId.CreateFromBytes(octets[16..]), ActivityTraceFlags.None);
    }

    private static Activity? Begin(string name, ActivityKind kind, MessageId id, DateTimeOffset began) =>
        s_source.StartActivity(kind, TraceOf(id), startTime: began, name: name)
            ?.SetTag("holdfast.message.id", id.ToString());

    private static void End(Activity span, DateTimeOffset ended, string? fault)
    {
        if (fault is not null)
            span.SetStatus(ActivityStatusCode.Error, fault);
        span.SetEndTime(ended.UtcDateTime);
        span.Dispose();
    }

    /// <summary>The end of SplitMix64: each bit of the input changes half of the output's.</summary>
    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
