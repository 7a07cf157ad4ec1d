using System.Text;
using System.Text.Json;
using Holdfast.Web.Accept;
using Microsoft.AspNetCore.Http;

namespace Holdfast.Tests.Web.Accept;

public sealed class OwnAnswerTests
{
    private const string Id = "0af7651916cd43dd8448eb211c80319c";

    private static async Task<string> AnswerAsync(string? accept, string? trace)
    {
        var context = new DefaultHttpContext();
        using var body = new MemoryStream();
        context.Response.Body = body;
        context.Request.Headers.Accept = accept;
        context.Request.Headers.TraceParent = trace;
        await OwnAnswer.BrokenOff.WriteAsync(context, 0);
        Assert.Equal(body.Length, context.Response.ContentLength);
        return Encoding.UTF8.GetString(body.ToArray());
    }

    [Fact]
    public async Task An_answer_names_the_trace_of_its_request_and_another_one_its_own()
    {
        foreach (var id in new[] { Id, Id.Replace('0', '1') })
        {
            var problem = JsonDocument.Parse(await AnswerAsync(null, $"00-{id}-b7ad6b7169203331-01")).RootElement;
            Assert.Equal((id, 502), (problem.GetProperty("trace").GetString(), problem.GetProperty("status").GetInt32()));
            Assert.Contains($"<p>Reference: {id}</p>", await AnswerAsync("text/html", $"00-{id}-b7ad6b7169203331-01"),
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Without_a_trace_there_is_no_reference()
    {
        Assert.False(JsonDocument.Parse(await AnswerAsync(null, "no trace")).RootElement.TryGetProperty("trace", out _));
        Assert.DoesNotContain("Reference", await AnswerAsync("text/html", null), StringComparison.Ordinal);
    }
}
