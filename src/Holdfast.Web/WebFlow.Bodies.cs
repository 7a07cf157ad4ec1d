using Holdfast.Traffic.Balance;
using Holdfast.Web.Accept;
using Holdfast.Web.Forward;
using Holdfast.Web.Select;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Yarp.ReverseProxy.Forwarder;

namespace Holdfast.Web;

/// <summary>Bodies of requests, before anything counts the request: short ones are held whole, of others the beginning
/// is read, so that it is known whether the client is slow.</summary>
public sealed partial class WebFlow
{
    /// <summary>Of all bodies that are held; beyond it they go through as they come, and are sent once.</summary>
    private const long HeldBytesMax = 256L << 20;
    private const int HeldBytesFirst = 4096;
    private long _heldBytes;

    /// <summary>The client broke off in its body, or it is none that we take.</summary>
    private static ForwarderError BodyError(HttpContext context, Exception fault)
    {
        if (fault is BadHttpRequestException bad && !context.Response.HasStarted)
            context.Response.StatusCode = bad.StatusCode;
        return ForwarderError.RequestBodyClient;
    }

    /// <summary>Reads a short body whole, so that the request can be repeated; it grows as octets come. How long that
    /// may take is bounded by <see cref="AcceptOptions.PaceBytesMin"/>, and the deadline goes on.</summary>
    private async ValueTask<HeldBody> HoldAsync(HttpContext context, RequestClass kind, WebPicture picture)
    {
        if (context.Features.Get<IHttpRequestBodyDetectionFeature>() is not { CanHaveBody: true })
            return default;
        if (kind.Operation == OperationClass.Stream)
            return new(true, null, null, null);
        if (context.Request.ContentLength is not { } length || length > picture.ReplayBytesMax)
            return await BeginAsync(context).ConfigureAwait(false);
        if (Interlocked.Add(ref _heldBytes, length) > HeldBytesMax)
        {
            Interlocked.Add(ref _heldBytes, -length);
            return await BeginAsync(context).ConfigureAwait(false);
        }
        var (held, error) = (0, (ForwarderError?)null);
        var bytes = new byte[Math.Min((int)length, HeldBytesFirst)];
        try
        {
            while (held < length)
            {
                if (held == bytes.Length)
                    Array.Resize(ref bytes, (int)Math.Min(length, 2L * held));
                var read = await context.Request.Body.ReadAsync(bytes.AsMemory(held), context.RequestAborted)
                    .ConfigureAwait(false);
                if (read == 0)
                    throw new EndOfStreamException();
                held += read;
            }
            if (_time.GetElapsedTime(0) > kind.Deadline)
            {
                context.Response.StatusCode = StatusCodes.Status408RequestTimeout;
                error = ForwarderError.RequestBodyClient;
            }
        }
        catch (Exception e) when (e is BadHttpRequestException or IOException or OperationCanceledException)
        {
            error = BodyError(context, e);
        }
        if (error is null)
            return new(true, bytes, null, null);
        Interlocked.Add(ref _heldBytes, -length);
        return new(true, null, null, error);
    }

    private async ValueTask<HeldBody> BeginAsync(HttpContext context)
    {
        var body = new ClientBody(context.Request.Body, _time);
        try
        {
            await body.BeginAsync(context.RequestAborted).ConfigureAwait(false);
        }
        catch (Exception e) when (e is BadHttpRequestException or IOException or OperationCanceledException)
        {
            return new(true, null, null, BodyError(context, e));
        }
        context.Request.Body = body;
        return new(true, null, body, null);
    }

    /// <param name="IsThere">The request has a body.</param>
    /// <param name="Bytes">All of it; null: it isn't held.</param>
    /// <param name="Streamed">It goes through as it comes.</param>
    /// <param name="Error">Why it couldn't be read.</param>
    private readonly record struct HeldBody(
        bool IsThere, ReadOnlyMemory<byte>? Bytes, ClientBody? Streamed, ForwarderError? Error);
}
