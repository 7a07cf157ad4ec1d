using System.Net;
using System.Text;
using Holdfast.Operator;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.Operator;

/// <summary>Until the spool is replayed nobody can say what waits.</summary>
public class QueueBeforeReplayTests
{
    private static async Task<(int Status, string Body, bool Asked)> AskAsync(ProcessPhase phase, string words)
    {
        var readiness = new Readiness();
        readiness.Enter(phase, words);
        using var services = new ServiceCollection().AddSingleton(readiness).BuildServiceProvider();
        using var body = new MemoryStream();
        var context = new DefaultHttpContext { RequestServices = services };
        context.Response.Body = body;
        var asked = false;
        await OperatorEndpoints.WhenRead(_ =>
        {
            asked = true;
            return Task.CompletedTask;
        })(context);
        return (context.Response.StatusCode, Encoding.UTF8.GetString(body.ToArray()), asked);
    }

    [Theory]
    [InlineData((int)ProcessPhase.Starting)]
    [InlineData((int)ProcessPhase.Replaying)]
    public async Task The_queue_is_said_to_be_still_read_and_how_far(int phase)
    {
        var (status, body, asked) = await AskAsync((ProcessPhase)phase, "replaying the spool: 3 of 9 MiB, 70 messages");
        Assert.False(asked);
        Assert.Contains("still being read (replaying the spool: 3 of 9 MiB, 70 messages)", body,
            StringComparison.Ordinal);
        Assert.Equal(ExitCode.NotReady, OperatorClient.ExitCodeOf((HttpStatusCode)status));
    }

    [Theory]
    [InlineData((int)ProcessPhase.Opening)]
    [InlineData((int)ProcessPhase.Ready)]
    [InlineData((int)ProcessPhase.Draining)]
    public async Task Afterwards_it_answers(int phase) =>
        Assert.True((await AskAsync((ProcessPhase)phase, "")).Asked);
}
