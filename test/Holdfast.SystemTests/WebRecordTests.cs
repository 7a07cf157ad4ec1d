using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Holdfast.SystemTests.Harness;

namespace Holdfast.SystemTests;

/// <summary>Records of web requests: the binary, real targets, real files.</summary>
public sealed class WebRecordTests
{
    private static List<JsonElement> Records(WebGateway web)
    {
        var directory = Path.Combine(web.Gateway.DataDirectory, "access");
        return !Directory.Exists(directory) ? [] : [.. Directory.GetFiles(directory).Order(StringComparer.Ordinal)
            .SelectMany(File.ReadAllLines).Select(l => JsonDocument.Parse(l).RootElement)];
    }

    private static string? Text(JsonElement record, string field) =>
        record.TryGetProperty(field, out var value) ? value.ToString() : null;

    [Fact]
    public async Task Every_request_has_one_record_that_tells_what_became_of_it()
    {
        await using var web = new WebGateway(new Workspace());
        await web.StartAsync(web.Configuration(route: """, "Path": "/app" """));
        using (var request = new HttpRequestMessage(HttpMethod.Post, new Uri(web.Address, "app/x?secret=1")))
        {
            request.Content = new ByteArrayContent(new byte[1000]);
            request.Headers.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
            using var response = await web.Client.SendAsync(request);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
        string? told;
        using (var response = await web.Client.GetAsync(web.Address))
        {
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
            told = Text(JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement, "trace");
        }
        using (var client = new TcpClient())
        {
            await client.ConnectAsync("127.0.0.1", web.Port);
            await client.GetStream().WriteAsync(
                "GET /app HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"u8.ToArray());
            using var reader = new StreamReader(client.GetStream());
            Assert.Equal("HTTP/1.1 400 Bad Request", await reader.ReadLineAsync());
        }
        Array.ForEach(web.Targets, t => t.Mood = WebMood.Failing);
        using (var response = await web.Client.PostAsync(new Uri(web.Address, "app/y"), null))
            Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        await Eventually.HoldsAsync(() => Records(web).Count >= 4, TimeSpan.FromSeconds(20), () => web.Gateway.Log);
        var records = Records(web);
        Assert.Equal(4, records.Count);
        var first = records[0];
        Assert.Equal(("web", "127.0.0.1", "POST", "/app/x", "200", "answered", "1000"), (Text(first, "listener"),
            Text(first, "client"), Text(first, "method"), Text(first, "path"), Text(first, "status"),
            Text(first, "outcome"), Text(first, "in")));
        Assert.Equal(("3", "write", "web", "1", "0af7651916cd43dd8448eb211c80319c"), (Text(first, "priority"),
            Text(first, "operation"), Text(first, "service"), Text(first, "attempts"), Text(first, "trace")));
        // Without a trace of the client's each gets one of ours: the target, the record and our own answers name it.
        Assert.Equal(4, records.Select(r => Text(r, "trace")).Distinct().Count(t => t is { Length: 32 }));
        Assert.Equal(Text(records[1], "trace"), told);
        Assert.Contains(web.Targets, t => t.LastHeaders.GetValueOrDefault("traceparent") is { } seen
            && seen.StartsWith($"00-{Text(records[3], "trace")}-", StringComparison.Ordinal)
            && seen.EndsWith("-01", StringComparison.Ordinal));
        Assert.True(first.GetProperty("out").GetInt64() > 10);
        Assert.InRange(first.GetProperty("took_ms").GetDouble(), first.GetProperty("first_byte_ms").GetDouble(), 60_000);
        Assert.InRange(first.GetProperty("first_byte_ms").GetDouble(), first.GetProperty("queued_ms").GetDouble(), 60_000);
        Assert.Equal(["answered", "no_route", "malformed", "answered"], records.Select(r => Text(r, "outcome")));
        Assert.Equal(["200", "404", "400", "500"], records.Select(r => Text(r, "status")));
        Assert.DoesNotContain("secret", string.Concat(records), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_full_disk_costs_records_and_no_request()
    {
        await using var web = new WebGateway(new Workspace(), isFaulty: true);
        await web.StartAsync(web.Configuration());
        await web.Gateway.SetFaultsAsync("open:0:1000000:28:access");
        for (var i = 0; i < 50; i++)
        {
            using var response = await web.Client.GetAsync(web.Address);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
        await Eventually.HoldsAsync(() => web.Gateway.Log.Contains("(web requests) can't be written",
            StringComparison.Ordinal), TimeSpan.FromSeconds(20), () => web.Gateway.Log);
        Assert.Empty(Records(web));
        Assert.True(await web.Gateway.SetFaultsAsync() > 0);
        await Eventually.HoldsAsync(async () =>
        {
            using var response = await web.Client.GetAsync(web.Address);
            return response.IsSuccessStatusCode && Records(web).Count > 0;
        }, TimeSpan.FromSeconds(20), () => web.Gateway.Log);
    }
}
