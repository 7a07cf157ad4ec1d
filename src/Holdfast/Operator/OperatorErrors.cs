namespace Holdfast.Operator;

/// <summary>Turns whatever an endpoint couldn't answer into problem+json; its own mistakes are logged.</summary>
internal sealed partial class OperatorErrors(RequestDelegate next, ILogger<OperatorErrors> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            return;
        }
        catch (BadHttpRequestException e)
        {
            if (!context.Response.HasStarted)
                await Problem.WriteAsync(context, e.StatusCode, e.Message);
            return;
        }
#pragma warning disable CA1031 // The edge of the stage: logged here, told to the asker, the process goes on.
        catch (Exception e)
#pragma warning restore CA1031
        {
            RequestFailed(context.Request.Path.Value ?? "", e);
            if (context.Response.HasStarted)
                context.Abort();
            else
                await Problem.WriteAsync(context, StatusCodes.Status500InternalServerError,
                    "this request failed inside holdfast; its log has the reason");
            return;
        }
        if (context.Response is { HasStarted: false, StatusCode: >= 400, ContentType: null })
            await Problem.WriteAsync(context, context.Response.StatusCode, context.Response.StatusCode switch
            {
                404 => "no such page; see docs/reference/commands.md for those there are",
                405 => "not with this method",
                var status => $"status {status}",
            });
    }

    [LoggerMessage(EventId = 1020, Level = LogLevel.Error, Message = "Operator request {Path} failed")]
    private partial void RequestFailed(string path, Exception exception);
}
