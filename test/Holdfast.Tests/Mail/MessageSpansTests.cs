using System.Diagnostics;
using Holdfast.Mail;

namespace Holdfast.Tests.Mail;

public class MessageSpansTests
{
    private static readonly DateTimeOffset Began = new(2026, 1, 22, 17, 45, 0, TimeSpan.Zero);

    [Fact]
    public void All_spans_of_a_message_share_its_trace_and_other_messages_have_others()
    {
        var id = MessageId.Create(Began, 4711, 42);
        var other = MessageId.Create(Began, 4711, 43);
        var ended = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == MessageSpans.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = span =>
            {
                // Other tests' messages come by here too.
                if ((string?)span.GetTagItem("holdfast.message.id") == id.ToString()
                    || (string?)span.GetTagItem("holdfast.message.id") == other.ToString())
                {
                    lock (ended)
                        ended.Add(span);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        MessageSpans.Received(id, Began, Began.AddSeconds(2), "relay", 1000, null);
        MessageSpans.Attempted(id, Began.AddHours(3), TimeSpan.FromSeconds(5), "mail", "na/127.0.0.1:25", 2, "451 4.3.2 No");
        MessageSpans.Received(other, Began, Began.AddSeconds(1), "relay", 1, "loop");

        Assert.Equal(3, ended.Count);
        Assert.Equal(ended[0].TraceId, ended[1].TraceId);
        Assert.NotEqual(ended[0].TraceId, ended[2].TraceId);
        Assert.NotEqual(ended[0].SpanId, ended[1].SpanId);
        Assert.Equal((Began.UtcDateTime, TimeSpan.FromSeconds(2)), (ended[0].StartTimeUtc, ended[0].Duration));
        Assert.Equal(TimeSpan.FromSeconds(5), ended[1].Duration);
        Assert.Equal(ActivityStatusCode.Unset, ended[0].Status);
        Assert.Equal((ActivityStatusCode.Error, "451 4.3.2 No"), (ended[1].Status, ended[1].StatusDescription));
        Assert.Equal("na/127.0.0.1:25", ended[1].GetTagItem("holdfast.target"));
    }

    /// <summary>A sampler takes the first octets of a trace id for random (OpenTelemetry's TraceIdRatioBased).</summary>
    [Fact]
    public void Ids_of_messages_that_follow_each_other_are_spread_evenly()
    {
        var kept = 0;
        Span<byte> octets = stackalloc byte[16];
        for (var i = 0UL; i < 10_000; i++)
        {
            MessageSpans.TraceOf(MessageId.Create(Began.AddMilliseconds(i / 10), 1, 1000 + i)).TraceId.CopyTo(octets);
            if (Math.Abs(BitConverter.ToInt64(octets) / 2) < long.MaxValue / 2 / 10)
                kept++;
        }
        Assert.InRange(kept, 850, 1150);
    }
}
