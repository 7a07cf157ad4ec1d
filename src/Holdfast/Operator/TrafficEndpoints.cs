using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;

namespace Holdfast.Operator;

/// <summary>Operators' acts on traffic: looked at through both doors, done through the socket.</summary>
internal static class TrafficEndpoints
{
    public const int BodyBytesMax = 16 * 1024;

    public static void Map(IEndpointRouteBuilder app)
    {
        OperatorEndpoints.Map(app, "/api/v1/traffic/acts", static context => OperatorEndpoints.Answer(
            context, context.RequestServices.GetRequiredService<TrafficDesk>().Acts(),
            OperatorJson.Default.IReadOnlyListActView));
        app.MapPost("/api/v1/traffic/act", Act);
    }

    private static async Task Act(HttpContext context)
    {
        if (!await OperatorEndpoints.MayAct(context))
            return;
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = BodyBytesMax;
        TrafficActRequest? request;
        try
        {
            request = await JsonSerializer.DeserializeAsync(context.Request.Body,
                OperatorJson.Default.TrafficActRequest, context.RequestAborted);
        }
        catch (JsonException e)
        {
            await Problem.WriteAsync(context, 400, "the body is not an act: " + e.Message);
            return;
        }
        var desk = context.RequestServices.GetRequiredService<TrafficDesk>();
        string? problem = "the body is empty";
        var act = request is null ? default
            : desk.Read(request, context.Features.Get<OperatorDoor>()!.Actor, out problem);
        if (problem is not null)
        {
            await Problem.WriteAsync(context, 400, problem);
            return;
        }
        var prediction = desk.Predict(act);
        var outcome = request!.DryRun ? new(false, prediction.Sentence) : desk.Apply(act);
        await OperatorEndpoints.Answer(context, new TrafficActView(TrafficDesk.Describe(act), outcome.IsApplied,
            outcome.Sentence, prediction), OperatorJson.Default.TrafficActView);
    }
}
