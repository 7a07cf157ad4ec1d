using System.Net;
using System.Text.Json;
using Holdfast.SystemTests.Harness;

namespace Holdfast.SystemTests;

/// <summary>The operator's side of the real binary: HTTP, socket, reload, signals.</summary>
public class OperatorTests
{
    private static async Task<Gateway> StartAsync(Workspace workspace)
    {
        var gateway = new Gateway(workspace);
        await gateway.StartAsync(waitReady: false);
        await Eventually.HoldsAsync(() => gateway.Log.Contains("is ready", StringComparison.Ordinal),
            TimeSpan.FromSeconds(60), () => gateway.Log);
        return gateway;
    }

    private static async Task<(HttpStatusCode Status, JsonElement Body)> AskAsync(Gateway gateway, string path,
        string? host = null, HttpMethod? method = null)
    {
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get,
            new Uri($"http://127.0.0.1:{gateway.HttpPort}{path}"));
        if (host is not null)
            request.Headers.Host = host;
        using var response = await client.SendAsync(request);
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        return (response.StatusCode, JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement);
    }

    [Fact]
    public async Task Http_reads_and_never_acts_and_answers_only_to_loopback_names()
    {
        using var workspace = new Workspace();
        await using var gateway = await StartAsync(workspace);
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(gateway, "/readyz")).Status);
        Assert.Equal(2, (await AskAsync(gateway, "/api/v1/sites")).Body.GetArrayLength());
        Assert.Equal(0, (await AskAsync(gateway, "/api/v1/queue?limit=1")).Body.GetProperty("messages").GetArrayLength());
        Assert.Equal(HttpStatusCode.MisdirectedRequest, (await AskAsync(gateway, "/api/v1/sites", "evil.example")).Status);
        Assert.Equal(HttpStatusCode.MethodNotAllowed,
            (await AskAsync(gateway, "/api/v1/queue/act", method: HttpMethod.Post)).Status);
        Assert.Equal(HttpStatusCode.Forbidden,
            (await AskAsync(gateway, "/api/v1/queue/01KFXW3E4H0000000000000042/content")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await AskAsync(gateway, "/nothing")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await AskAsync(gateway, "/api/v1/queue/01KFXW3E4H0000000000000042")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await AskAsync(gateway, "/api/v1/queue/xyz")).Status);
        var (status, problem) = await AskAsync(gateway, "/api/v1/queue?recipent=a");
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains("did you mean", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        using var client = new HttpClient();
        var metrics = await client.GetStringAsync(new Uri($"http://127.0.0.1:{gateway.HttpPort}/metrics"));
        Assert.Contains("holdfast_traffic_verdict{", metrics, StringComparison.Ordinal);
        Assert.Contains("holdfast_process_ready", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Commands_reach_the_server_through_a_socket_that_only_its_owner_can_open()
    {
        using var workspace = new Workspace();
        await using var gateway = await StartAsync(workspace);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite,
            File.GetUnixFileMode(Path.Combine(gateway.DataDirectory, "holdfast.sock")));
        Assert.Equal(0, (await gateway.CommandAsync("status")).Code);
        Assert.Equal(0, (await gateway.CommandAsync("queue", "list")).Code);
        Assert.Equal(0, (await gateway.CommandAsync("queue", "shape", "--json")).Code);
        Assert.Equal(5, (await gateway.CommandAsync("queue", "retry", "--all", "--yes")).Code);
        Assert.Equal(5, (await gateway.CommandAsync("queue", "show", "01KFXW3E4H0000000000000042")).Code);
        Assert.Equal(5, (await gateway.CommandAsync("trace", "01KFXW3E4H0000000000000042")).Code);
    }

    [Fact]
    public async Task A_second_process_on_the_same_data_is_refused_and_a_socket_left_by_a_crash_is_no_hindrance()
    {
        using var workspace = new Workspace();
        await using var gateway = await StartAsync(workspace);
        var (code, output) = await gateway.CommandAsync("run");
        Assert.Equal(1, code);
        Assert.Contains("another holdfast uses the data directory", output, StringComparison.Ordinal);
        await gateway.KillAsync();
        Assert.True(File.Exists(Path.Combine(gateway.DataDirectory, "holdfast.sock")));
        Assert.Equal(4, (await gateway.CommandAsync("status")).Code);
        await gateway.StartAsync(waitReady: false);
        await Eventually.HoldsAsync(async () => (await gateway.CommandAsync("status")).Code == 0,
            TimeSpan.FromSeconds(60), () => gateway.Log);
    }

    [Fact]
    public async Task A_changed_file_is_taken_in_and_a_bad_one_refused_while_the_old_one_goes_on()
    {
        using var workspace = new Workspace();
        await using var gateway = await StartAsync(workspace);
        var good = gateway.TwoSites();
        gateway.Configure(good.Replace("mail-eu", "mail-apac", StringComparison.Ordinal));
        await Eventually.HoldsAsync(async () => (await AskAsync(gateway, "/api/v1/sites")).Body.GetRawText()
            .Contains("mail-apac", StringComparison.Ordinal), TimeSpan.FromSeconds(20), () => gateway.Log);
        gateway.Configure(good.Replace("\"Sites\"", "\"Sitess\"", StringComparison.Ordinal));
        await Eventually.HoldsAsync(() => gateway.Log.Contains("did you mean \"Sites\"", StringComparison.Ordinal),
            TimeSpan.FromSeconds(20), () => gateway.Log);
        Assert.Equal(3, (await gateway.CommandAsync("reload")).Code);
        Assert.Contains("mail-apac", (await AskAsync(gateway, "/api/v1/sites")).Body.GetRawText(),
            StringComparison.Ordinal);
        gateway.Configure(good);
        gateway.Signal("HUP");
        await Eventually.HoldsAsync(async () => (await AskAsync(gateway, "/api/v1/sites")).Body.GetRawText()
            .Contains("mail-eu", StringComparison.Ordinal), TimeSpan.FromSeconds(20), () => gateway.Log);
    }

    [Fact]
    public async Task Sigterm_drains_and_exits_with_0_and_the_evidence_says_so()
    {
        using var workspace = new Workspace();
        await using var gateway = await StartAsync(workspace);
        Assert.Equal(0, await gateway.StopAsync());
        Assert.False(File.Exists(Path.Combine(gateway.DataDirectory, "holdfast.sock")));
        var evidence = string.Concat(Directory.GetFiles(Path.Combine(gateway.DataDirectory, "evidence"), "*")
            .Select(File.ReadAllText));
        Assert.Contains("drained and stopped", evidence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_configuration_with_faults_does_not_start_and_tells_them_all()
    {
        using var workspace = new Workspace();
        await using var gateway = new Gateway(workspace);
        gateway.Configure("""{ "Holdfast": { "NodeId": -1, "Topolgy": { } } }""");
        var (code, output) = await gateway.CommandAsync("run", "--config", gateway.ConfigurationFile);
        Assert.Equal(3, code);
        Assert.Contains(":1:27: Holdfast:NodeId: -1 is out of range", output, StringComparison.Ordinal);
        Assert.Contains("did you mean \"Topology\"?", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_looks_at_the_files_that_a_configuration_names_and_run_says_which_listener_takes_no_mail()
    {
        using var workspace = new Workspace();
        var (certificate, _) = await Certificates.MakeAsync(workspace);
        var missing = workspace.File("missing.key");
        await using var gateway = new Gateway(workspace);
        gateway.Configure(gateway.TwoSites().Replace("\"Role\": \"Relay\"",
            $"""
            "Role": "Relay", "Tls": "Implicit",
                   "CertificateFile": "{certificate}",
                   "KeyFile": "{missing}"
            """, StringComparison.Ordinal));
        var (code, output) = await Gateway.RunAsync("check", "--config", gateway.ConfigurationFile);
        Assert.Equal(3, code);
        var line = Array.FindIndex(File.ReadAllLines(gateway.ConfigurationFile),
            l => l.Contains("KeyFile", StringComparison.Ordinal)) + 1;
        Assert.Matches($":{line}:\\d+: Holdfast:Mail:Receive:Listeners:0:KeyFile: there is no file {missing}", output);
        Assert.EndsWith(": 1 fault\n", output, StringComparison.Ordinal);
        Assert.Equal(0, (await Gateway.RunAsync("check", "--without-files", "--config", gateway.ConfigurationFile)).Code);
        await gateway.StartAsync(waitReady: false);
        await Eventually.HoldsAsync(() => gateway.Log.Contains($"SMTPS 127.0.0.1:{gateway.SmtpPort} (relay, Relay; takes "
            + "NO mail: no usable certificate yet", StringComparison.Ordinal), TimeSpan.FromSeconds(60), () => gateway.Log);
        Assert.DoesNotContain(".;", gateway.Log, StringComparison.Ordinal);
    }
}
