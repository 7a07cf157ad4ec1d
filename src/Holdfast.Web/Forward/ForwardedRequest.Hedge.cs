using System.Net;
using Holdfast.Traffic.Balance;

namespace Holdfast.Web.Forward;

/// <summary>Hedges: a read of the top class that waits longer than nearly all do is asked at a second place, and the
/// first good answer counts.</summary>
/// <remarks>
/// Dean and Barroso, "The Tail at Scale" (CACM 2013): after the 95th percentile it costs a twentieth at most; the
/// engine's budget makes it 2 %, and gives no hedge while it sheds or the nearest site is well used. Who loses is
/// cancelled, gives its place back and says nothing about its target: nobody knows what it would have come to. Who has
/// a session is not hedged: another target doesn't know him.
/// </remarks>
internal sealed partial class ForwardedRequest
{
    private bool MayHedge => kind.Priority == 0 && kind.Operation == OperationClass.Read && !HasBody && !HasSession
        && Attempts == 1 && parts.Hedges.WaitAt(_placement.Site) < TimeSpan.MaxValue;

    private async Task<HttpResponseMessage> HedgedAsync(HttpRequestMessage request, CancellationToken abort)
    {
        using var firstEnds = CancellationTokenSource.CreateLinkedTokenSource(abort);
        using var secondEnds = CancellationTokenSource.CreateLinkedTokenSource(abort);
        var first = client.SendAsync(request, firstEnds.Token);
        using (var answered = new CancellationTokenSource())
        {
            var wait = Task.Delay(parts.Hedges.WaitAt(_placement.Site), parts.Time, answered.Token);
            var early = await Task.WhenAny(first, wait).ConfigureAwait(false) == first;
            await answered.CancelAsync().ConfigureAwait(false);
            if (early)
                return await first.ConfigureAwait(false);
        }
        var sentAt = parts.Now;
        var place = parts.Board.Place(Again with { Attempt = 0, IsHedge = true }, sentAt);
        if (!place.MaySend)
            return await first.ConfigureAwait(false);
        parts.Metrics.Hedged();
        Hedge = "lost";
        using var copy = Copy(request, parts.AddressOf(request.RequestUri!, place.Target));
        var second = client.SendAsync(copy, secondEnds.Token);
        var isSecondFirst = await Task.WhenAny(first, second).ConfigureAwait(false) == second;
        if (isSecondFirst ? IsGood(second) : !IsGood(first) && await IsGoodInTheEndAsync(second).ConfigureAwait(false))
        {
            await firstEnds.CancelAsync().ConfigureAwait(false);
            await LoseAsync(first).ConfigureAwait(false);
            // From here on this is the request's place, and the other's is free.
            parts.Board.Release(_placement, delivered: false, parts.Now);
            (_placement, SentAt, Hedge) = (place, sentAt, "won");
            return await second.ConfigureAwait(false);
        }
        if (isSecondFirst)
            await Task.WhenAny(first).ConfigureAwait(false);
        await secondEnds.CancelAsync().ConfigureAwait(false);
        await LoseAsync(second).ConfigureAwait(false);
        parts.Board.Release(place, delivered: false, parts.Now);
        return await first.ConfigureAwait(false);
    }

    private static bool IsGood(Task<HttpResponseMessage> answer) => answer.IsCompletedSuccessfully
        && answer.Result.StatusCode < HttpStatusCode.InternalServerError
        && answer.Result.StatusCode != HttpStatusCode.TooManyRequests;

    private static async Task<bool> IsGoodInTheEndAsync(Task<HttpResponseMessage> answer)
    {
        await Task.WhenAny(answer).ConfigureAwait(false);
        return IsGood(answer);
    }

    private static async Task LoseAsync(Task<HttpResponseMessage> loser)
    {
        try
        {
            (await loser.ConfigureAwait(false)).Dispose();
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
        {
            // It was cancelled, or failed by itself: either way nobody needs it.
        }
    }

    private static HttpRequestMessage Copy(HttpRequestMessage request, Uri address)
    {
        var copy = new HttpRequestMessage(request.Method, address)
        {
            Version = request.Version, VersionPolicy = request.VersionPolicy,
        };
        foreach (var field in request.Headers.NonValidated)
            copy.Headers.TryAddWithoutValidation(field.Key, (IEnumerable<string>)field.Value);
        return copy;
    }
}
