using System.Net.Sockets;
using System.Text.Json;
using Holdfast.SystemTests.Harness;

namespace Holdfast.SystemTests;

/// <summary>Traffic moved by hand on the running binary: foretold, done, seen, kept over a restart, taken back.</summary>
public class TrafficActTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private static async Task<JsonElement> JsonAsync(Gateway gateway, int code, params string[] arguments)
    {
        var (actual, output) = await gateway.CommandAsync([.. arguments, "--json"]);
        Assert.True(actual == code, $"{string.Join(' ', arguments)} exited with {actual}: {output}");
        return JsonDocument.Parse(output).RootElement;
    }

    [Fact]
    public async Task A_drained_home_gets_nothing_until_the_drain_is_taken_back_restart_or_not()
    {
        var workspace = new Workspace();
        await using var gateway = new Gateway(workspace);
        await using var na = new ScriptedTarget(gateway.HomePort);
        await using var eu = new ScriptedTarget(gateway.AwayPort);
        await gateway.StartAsync();
        await new MarkedSender(gateway.SmtpPort, "before").RunAsync(5, default);
        await Eventually.HoldsAsync(() => na.DeliveredCount == 5, Limit, () => $"na {na.DeliveredCount}, eu {eu.DeliveredCount}\n{gateway.Log}");

        // Foretold, and nothing done.
        var foretold = await JsonAsync(gateway, 0, "drain", "na", "--dry-run");
        Assert.False(foretold.GetProperty("isApplied").GetBoolean());
        Assert.True(foretold.GetProperty("prediction").GetProperty("isAllowed").GetBoolean());
        Assert.Contains("no act", (await gateway.CommandAsync("acts")).Output, StringComparison.Ordinal);
        // Not asked at a terminal, not done.
        var (unsure, words) = await gateway.CommandAsync("drain", "mail-na");
        Assert.True(unsure == 6 && words.Contains("--yes", StringComparison.Ordinal), words);
        // What makes no sense is refused with a reason.
        Assert.Equal(2, (await gateway.CommandAsync("drain", "mail-nowhere", "--yes")).Code);
        Assert.Equal(2, (await gateway.CommandAsync("weight", "mail-na", "1.5", "--yes")).Code);
        Assert.Equal(2, (await gateway.CommandAsync("drain", "mail-na", "--for", "31d", "--yes")).Code);

        var done = await JsonAsync(gateway, 0, "drain", "mail-na", "--for", "2h", "--because", "maintenance 4711", "--yes");
        Assert.True(done.GetProperty("isApplied").GetBoolean());
        await new MarkedSender(gateway.SmtpPort, "drained").RunAsync(20, default);
        await Eventually.HoldsAsync(() => eu.DeliveredCount == 20, Limit, () => $"na {na.DeliveredCount}, eu {eu.DeliveredCount}\n{gateway.Log}");
        Assert.Equal(5, na.DeliveredCount);
        var status = (await gateway.CommandAsync("status")).Output;
        Assert.Contains("drain", status, StringComparison.Ordinal);
        Assert.Contains("maintenance 4711", status, StringComparison.Ordinal);
        Assert.Contains("maintenance 4711", gateway.Evidence(), StringComparison.Ordinal);
        var act = Assert.Single((await gateway.GetAsync("/api/v1/traffic/acts")).EnumerateArray());
        Assert.Equal("Drain", act.GetProperty("kind").GetString());

        // Over a restart, by kill.
        await gateway.KillAsync();
        await gateway.StartAsync();
        await new MarkedSender(gateway.SmtpPort, "restarted").RunAsync(20, default);
        await Eventually.HoldsAsync(() => eu.DeliveredCount == 40, Limit, () => $"na {na.DeliveredCount}, eu {eu.DeliveredCount}\n{gateway.Log}");
        Assert.Equal(5, na.DeliveredCount);

        Assert.True((await JsonAsync(gateway, 0, "undrain", "mail-na", "--yes")).GetProperty("isApplied").GetBoolean());
        Assert.Empty((await JsonAsync(gateway, 0, "acts")).EnumerateArray());
        await new MarkedSender(gateway.SmtpPort, "back").RunAsync(20, default);
        await Eventually.HoldsAsync(() => na.DeliveredCount + eu.DeliveredCount == 65, Limit, () => $"na {na.DeliveredCount}, eu {eu.DeliveredCount}\n{gateway.Log}");
        Assert.True(na.DeliveredCount > 5, "nothing came back home\n" + gateway.Log);
    }

    [Theory]
    [InlineData(16 * 1024, true, System.Net.HttpStatusCode.OK)]
    [InlineData(16 * 1024 + 1, true, System.Net.HttpStatusCode.RequestEntityTooLarge)]
    [InlineData(16 * 1024 + 1, false, System.Net.HttpStatusCode.RequestEntityTooLarge)]
    public async Task An_act_has_at_most_16_KiB_whether_its_length_is_told_or_not(int bytes, bool isTold,
        System.Net.HttpStatusCode status)
    {
        await using var gateway = new Gateway(new Workspace());
        await gateway.StartAsync();
        using var http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, abort) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                var path = Path.Combine(gateway.DataDirectory, "holdfast.sock");
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), abort);
                return new NetworkStream(socket, ownsSocket: true);
            },
        });
        const string act = "{\"kind\":\"Drain\",\"name\":\"mail-na\",\"dryRun\":true}";
        using var body = new StringContent(act.PadRight(bytes));
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri("http://localhost/api/v1/traffic/act"))
        {
            Content = body,
        };
        request.Headers.TransferEncodingChunked = !isTold;
        using var response = await http.SendAsync(request);
        Assert.Equal(status, response.StatusCode);
    }

    [Fact]
    public async Task Acts_go_through_the_socket_only()
    {
        await using var gateway = new Gateway(new Workspace());
        await gateway.StartAsync();
        using var http = new HttpClient();
        using var body = new StringContent("{\"kind\":\"Drain\",\"name\":\"mail-na\"}");
        using var response = await http.PostAsync(
            new Uri($"http://127.0.0.1:{gateway.HttpPort}/api/v1/traffic/act"), body);
        Assert.Equal(System.Net.HttpStatusCode.MethodNotAllowed, response.StatusCode);
        Assert.Empty((await gateway.GetAsync("/api/v1/traffic/acts")).EnumerateArray());
    }
}
