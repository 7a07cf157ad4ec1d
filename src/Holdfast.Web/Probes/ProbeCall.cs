using System.Reflection;
using System.Text;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;
using Holdfast.Web.Forward;

namespace Holdfast.Web.Probes;

/// <summary>Sends a request of ours to a target of a service, as its traffic is sent.</summary>
internal delegate Task<HttpResponseMessage> SendProbe(string service, TargetNode target, string path,
    HttpRequestMessage message, CancellationToken abort);

/// <summary>What we ask.</summary>
/// <param name="Host">Empty: as the service's traffic.</param>
/// <param name="Body">Null: none.</param>
/// <param name="LookBytes">So much of the answer is wanted; the rest isn't read.</param>
internal sealed record ProbeQuestion(
    string Service, string Method, string Path, string Host, string? Authorization, string? Body, int LookBytes);

/// <summary>What came of it.</summary>
/// <param name="Status">0: no answer.</param>
/// <param name="Fault">Why there is none, as the engine takes it; success where there is one.</param>
internal readonly record struct ProbeAnswer(
    int Status, ReadOnlyMemory<byte> Body, TrafficOutcome Fault, TimeSpan Latency)
{
    public bool IsAnswer => Status != 0;

    /// <summary>Not even a connection was had: nothing was asked.</summary>
    public bool IsUnsent => !IsAnswer && Fault.Phase == AttemptPhase.Connect;
}

/// <summary>One question to one target, with a limit on time and on what is read.</summary>
internal sealed class ProbeCall(SendProbe send, TimeProvider time)
{
    /// <summary>By which targets know us.</summary>
    public static string UserAgent { get; } = "holdfast-probe/" + (typeof(ProbeCall).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0");

    /// <summary>A sender over the connections of traffic.</summary>
    public static SendProbe Over(Func<TargetClients> clients) => (service, target, path, message, abort) =>
    {
        var client = clients().Of(service);
        message.RequestUri = new Uri(client.PrefixOf(target) + path);
        message.Version = client.Config.Version!;
        message.VersionPolicy = client.Config.VersionPolicy!.Value;
        message.Headers.Host ??= client.Host;
        return client.SendAsync(message, abort);
    };

    /// <exception cref="OperationCanceledException">The stop; nothing else.</exception>
    public async Task<ProbeAnswer> AskAsync(TargetNode target, ProbeQuestion question, TimeSpan timeout,
        CancellationToken stop)
    {
        var startedAt = time.GetTimestamp();
        using var late = new CancellationTokenSource(timeout, time);
        using var abort = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stop);
        using var message = Compose(question);
        try
        {
            using var response = await send(question.Service, target, question.Path, message, abort.Token)
                .ConfigureAwait(false);
            var body = question.LookBytes > 0
                ? await ReadAsync(response, question.LookBytes, abort.Token).ConfigureAwait(false) : default;
            return new ProbeAnswer((int)response.StatusCode, body, default, time.GetElapsedTime(startedAt));
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            stop.ThrowIfCancellationRequested();
            var latency = time.GetElapsedTime(startedAt);
            var placement = new Placement(PlacementKind.Send, target.Id, target.Site, false, WaitReason.None,
                TimeSpan.Zero);
            var fault = late.IsCancellationRequested
                // Not marked as a stall: those also lower limits, which are for traffic to find.
                ? Failed(target, $"no answer in {timeout.TotalSeconds:0.###} s", latency)
                : AttemptOutcome.OfFailure(placement, OperationClass.Read, e, latency);
            return new ProbeAnswer(0, default, fault with { Detail = "probe: " + fault.Detail }, latency);
        }
    }

    /// <summary>It answered, and not as it should.</summary>
    public static TrafficOutcome Failed(TargetNode target, string detail, TimeSpan latency) =>
        new(target.Id, OperationClass.Read, AttemptPhase.Answer, FailureScope.Target, latency, detail);

    private static HttpRequestMessage Compose(ProbeQuestion question)
    {
        var message = new HttpRequestMessage(new HttpMethod(question.Method), (Uri?)null);
        message.Headers.TryAddWithoutValidation("User-Agent", UserAgent);
        if (question.Host.Length > 0)
            message.Headers.Host = question.Host;
        if (question.Authorization is { } secret)
            message.Headers.TryAddWithoutValidation("Authorization", secret);
        // An answer from a cache in between would be nobody's.
        message.Headers.TryAddWithoutValidation("Cache-Control", "no-cache");
        if (question.Body is { } body)
            message.Content = new StringContent(body, Encoding.ASCII, "text/plain");
        else if (question.Method == "POST")
            message.Content = new ByteArrayContent([]);
        return message;
    }

    private static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpResponseMessage response, int bytes,
        CancellationToken abort)
    {
        var stream = await response.Content.ReadAsStreamAsync(abort).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            var buffer = new byte[bytes];
            var count = await stream.ReadAtLeastAsync(buffer, bytes, throwOnEndOfStream: false, abort)
                .ConfigureAwait(false);
            return buffer.AsMemory(0, count);
        }
    }
}
