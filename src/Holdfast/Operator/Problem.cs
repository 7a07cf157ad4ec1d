using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.WebUtilities;

namespace Holdfast.Operator;

/// <summary>An error answer in the form of RFC 9457.</summary>
/// <param name="Detail">What is wrong and what to do, for a person.</param>
internal sealed record Problem(string Type, string Title, int Status, string Detail)
{
    public static async Task WriteAsync(HttpContext context, int status, string detail)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/problem+json";
        var problem = new Problem("about:blank", ReasonPhrases.GetReasonPhrase(status), status, detail);
        await JsonSerializer.SerializeAsync(context.Response.Body, problem, ProblemJson.Default.Problem,
            context.RequestAborted);
    }
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(Problem))]
internal sealed partial class ProblemJson : JsonSerializerContext;
