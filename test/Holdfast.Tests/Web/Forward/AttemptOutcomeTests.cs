using System.Net;
using System.Net.Sockets;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;
using Holdfast.Web.Forward;

namespace Holdfast.Tests.Web.Forward;

public class AttemptOutcomeTests
{
    private static readonly Placement s_placement = new(PlacementKind.Send, new TargetId(3), new SiteId(1), false,
        WaitReason.None, TimeSpan.Zero) { Ticket = 42 };

    private static TrafficOutcome Of(HttpStatusCode status, string? retryAfter = null)
    {
        using var response = new HttpResponseMessage(status);
        if (retryAfter is not null)
            response.Headers.TryAddWithoutValidation("Retry-After", retryAfter);
        return AttemptOutcome.OfAnswer(s_placement, OperationClass.Read, status, response.Headers,
            TimeSpan.FromSeconds(1), DateTimeOffset.UnixEpoch);
    }

    [Theory]
    [InlineData(200, true, false)]
    [InlineData(304, true, false)]
    [InlineData(400, true, false)]
    [InlineData(404, true, false)]
    [InlineData(421, false, true)]
    [InlineData(429, false, true)]
    [InlineData(500, false, false)]
    [InlineData(501, true, false)]
    [InlineData(502, false, false)]
    [InlineData(503, false, true)]
    [InlineData(504, false, false)]
    [InlineData(505, true, false)]
    [InlineData(599, false, false)]
    public void A_status_says_whether_the_target_failed_and_whether_it_asks_for_less(int status, bool isSuccess, bool isPushBack)
    {
        var outcome = Of((HttpStatusCode)status);
        Assert.Equal((isSuccess, isPushBack), (outcome.IsSuccess, outcome.IsPushBack));
        Assert.Equal((3, 42, AttemptPhase.Answer), (outcome.Target.Value, outcome.Ticket, outcome.Phase));
        Assert.Equal(isSuccess, outcome.Detail is null);
    }

    [Theory]
    [InlineData("7", 7)]
    [InlineData("Thu, 01 Jan 1970 00:00:09 GMT", 9)]
    [InlineData("Wed, 31 Dec 1969 00:00:00 GMT", 0)]
    [InlineData("-5", 0)]
    [InlineData("soon", 0)]
    [InlineData("99999999999999999999", 0)]
    [InlineData(null, 0)]
    public void Retry_After_is_kept_where_it_can_be_read(string? header, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), Of(HttpStatusCode.ServiceUnavailable, header).RetryAfter);

    [Fact]
    public void A_connection_that_never_was_had_nothing_sent_over_it()
    {
        foreach (var error in new[] { HttpRequestError.ConnectionError, HttpRequestError.NameResolutionError,
            HttpRequestError.SecureConnectionError })
        {
            var outcome = AttemptOutcome.OfFailure(s_placement, OperationClass.Write,
                new HttpRequestException(error, "no", new SocketException(111)), TimeSpan.Zero);
            Assert.Equal((AttemptPhase.Connect, FailureScope.Target), (outcome.Phase, outcome.Scope));
        }
        var reset = AttemptOutcome.OfFailure(s_placement, OperationClass.Write,
            new HttpRequestException("no", new IOException("reset")), TimeSpan.Zero);
        Assert.Equal((AttemptPhase.Answer, "connection reset"), (reset.Phase, reset.Detail));
    }

    [Fact]
    public void No_answer_is_told_as_a_stall() => Assert.StartsWith(TrafficDetail.Stall,
        AttemptOutcome.OfStall(s_placement, OperationClass.Read, "an answer", TimeSpan.FromSeconds(30)).Detail, StringComparison.Ordinal);
}
