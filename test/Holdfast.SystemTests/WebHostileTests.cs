using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Holdfast.SystemTests.Harness;

namespace Holdfast.SystemTests;

/// <summary>Bytes from people who mean harm: nothing that can be read in two ways reaches a target, and who holds
/// connections holds nobody up.</summary>
public sealed class WebHostileTests
{
    private const string Hidden = "GET /hidden HTTP/1.1\r\nHost: inside.example\r\n\r\n";

    /// <summary>Name, and what a client sends; <c>{hidden}</c> is a request that must not pass as part of another.
    /// </summary>
    public static TheoryData<string, string> Smuggling() => new()
    {
        { "length and encoding", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}" },
        { "encoding and length", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 100\r\n\r\n0\r\n\r\n{hidden}" },
        { "two lengths that differ", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 46\r\n\r\n{hidden}" },
        { "two lengths in one field", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 46\r\n\r\n{hidden}" },
        { "signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +46\r\n\r\n{hidden}" },
        { "negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n{hidden}" },
        { "hexadecimal length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x2e\r\n\r\n{hidden}" },
        { "length beyond 64 bits", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n{hidden}" },
        { "length that wraps", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551662\r\n\r\n{hidden}" },
        { "space before the colon of the length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 46\r\n\r\n{hidden}" },
        { "space before the colon of the encoding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n{hidden}" },
        { "tab before the colon", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n{hidden}" },
        { "other encoding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}" },
        { "identity", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{hidden}" },
        { "encoding twice", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n{hidden}" },
        { "encodings in a list", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}" },
        { "chunked in quotes", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n{hidden}" },
        { "vertical tab before chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n{hidden}" },
        { "folded encoding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n{hidden}" },
        { "folded field", "POST / HTTP/1.1\r\nHost: a\r\nX: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}" },
        { "bare LF between fields", "POST / HTTP/1.1\r\nHost: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}" },
        { "bare LF ends the header", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 46\n\n{hidden}" },
        { "bare CR in a field", "POST / HTTP/1.1\r\nHost: a\r\nX: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}" },
        { "NUL in a field", "POST / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n{hidden}" },
        { "NUL in a name", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Enc\0oding: chunked\r\n\r\n0\r\n\r\n{hidden}" },
        { "field without a name", "POST / HTTP/1.1\r\nHost: a\r\n: chunked\r\n\r\n{hidden}" },
        { "field without a colon", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding chunked\r\n\r\n0\r\n\r\n{hidden}" },
        { "chunk with a sign", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+0\r\n\r\n{hidden}" },
        { "chunk with a prefix", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n{hidden}" },
        { "chunk that overflows", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n100000000000000000\r\n{hidden}" },
        { "chunk that is longer than it says", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n{hidden}" },
        { "chunk extension with a bare LF", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0;x\ny\r\n\r\n{hidden}" },
        { "chunk that ends in a bare LF", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nZ\n0\n\n{hidden}" },
        { "encoding in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}" },
        { "two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n{hidden}" },
        { "no host", "GET / HTTP/1.1\r\n\r\n{hidden}" },
        { "host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n{hidden}" },
        { "host unlike the request line's", "GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n{hidden}" },
        { "space in the path", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n{hidden}" },
        { "LF in the request line", "GET /a\nX: b HTTP/1.1\r\nHost: a\r\n\r\n{hidden}" },
        { "version of its own", "GET / HTTP/1.9\r\nHost: a\r\n\r\n{hidden}" },
        { "line break in encoded form", "GET /a%0d%0aX:%20b HTTP/1.1\r\nHost: a\r\n\r\n" },
        { "hidden request in a read's body", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 46\r\n\r\n{hidden}" },
        { "hidden request in a chunk", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2e\r\n{hidden}\r\n0\r\n\r\n" },
        { "connection takes the length away", "POST / HTTP/1.1\r\nHost: a\r\nConnection: Content-Length\r\nContent-Length: 46\r\n\r\n{hidden}" },
        { "connection takes the host away", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Host, close\r\n\r\n" },
        { "tunnel", "CONNECT inside.example:25 HTTP/1.1\r\nHost: inside.example:25\r\n\r\n{hidden}" },
        { "mirror", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n{hidden}" },
    };

    [Theory]
    [MemberData(nameof(Smuggling))]
    public async Task Nothing_that_can_be_read_in_two_ways_reaches_a_target(string name, string bytes)
    {
        var (port, target) = await Shared.Value;
        var (faultsBefore, requestsBefore) = (target.Faults.Count, target.Requests.Count);
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(bytes.Replace("{hidden}", Hidden, StringComparison.Ordinal)));
        var answer = await AnswersAsync(stream);
        Assert.True(target.Faults.Count == faultsBefore, $"{name}: {string.Join(" | ", target.Faults.Skip(faultsBefore))}");
        // Whatever the target took, the gateway took as a request too: as many as it answered from there.
        var taken = target.Requests.Skip(requestsBefore).ToArray();
        var answered = answer.Split("HTTP/1.1 200 OK").Length - 1;
        Assert.True(taken.Length == answered, $"{name}: {taken.Length} taken ({string.Join(" | ", taken)}), {answered} answered:\n{answer}");
        foreach (var request in taken)
        {
            Assert.Contains(target.Fields, f => f.Request == request
                && f.Field.StartsWith("X-Forwarded-For: 127.0.0.1", StringComparison.OrdinalIgnoreCase));
        }
    }

    /// <summary>All that comes until the other side closes or is quiet.</summary>
    private static async Task<string> AnswersAsync(NetworkStream stream)
    {
        var answer = new StringBuilder();
        var buffer = new byte[4096];
        try
        {
            while (true)
            {
                using var quiet = new CancellationTokenSource(TimeSpan.FromMilliseconds(400), TimeProvider.System);
                var read = await stream.ReadAsync(buffer, quiet.Token);
                if (read == 0)
                    break;
                answer.Append(Encoding.Latin1.GetString(buffer, 0, read));
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // Reset, or quiet: what came before counts.
        }
        return answer.ToString();
    }

    /// <summary>One gateway for all of them: what one sends must not change what the next gets.</summary>
    private static readonly Lazy<Task<(int Port, StrictWebTarget Target)>> Shared = new(async () =>
    {
        var workspace = new Workspace();
        var (gateway, port, targetPort) = (new Gateway(workspace), Workspace.FreePort(), Workspace.FreePort());
        gateway.Configure(gateway.TwoSites(more: $$"""
            , "Web": {
              "Accept": { "Listeners": [ { "Name": "web", "Endpoint": "127.0.0.1:{{port}}" } ] },
              "Select": { "Routes": [ { "Service": "web" } ] } }
            """).Replace("\"Sites\": [", "\"Sites\": [ { \"Name\": \"web-na\", \"Service\": \"web\", \"Region\": \"na\", "
                + "\"CapacityPerSecond\": 10000, \"Targets\": [ { \"Address\": \"127.0.0.1:" + targetPort + "\" } ] },",
                StringComparison.Ordinal));
        var target = new StrictWebTarget(targetPort);
        await gateway.StartAsync();
        await WebGateway.ListensAsync(gateway, port);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => gateway.KillAsync().GetAwaiter().GetResult();
        return (port, target);
    });

    [Fact]
    public async Task Who_sends_a_header_slowly_is_cut_off_and_holds_nobody_up()
    {
        await using var web = new WebGateway(new Workspace());
        await web.StartAsync(web.Configuration(accept: "\"HeaderTimeout\": \"2s\","));
        var slow = new List<TcpClient>();
        for (var i = 0; i < 200; i++)
        {
            var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, web.Port);
            await client.GetStream().WriteAsync("GET / HTTP/1.1\r\nHost: a\r\nX: "u8.ToArray());
            slow.Add(client);
        }
        Assert.All(await web.AskAsync(100, TimeSpan.FromSeconds(2)), a => Assert.Equal(200, a.Status));
        var watch = Stopwatch.StartNew();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20), TimeProvider.System);
        foreach (var client in slow)
        {
            using var reader = new StreamReader(client.GetStream());
            var answer = await reader.ReadToEndAsync(limit.Token);
            Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 408", StringComparison.Ordinal), answer);
            client.Dispose();
        }
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"{watch.Elapsed}");
    }

    [Fact]
    public async Task Ten_thousand_idle_connections_cost_little_while_traffic_flows()
    {
        await using var web = new WebGateway(new Workspace());
        await web.StartAsync();
        await web.AskAsync(100, TimeSpan.FromSeconds(1));
        var before = web.Gateway.ResidentBytes();
        // From several addresses: one has not so many ports, and ConnectionsPerAddressMax is 2 000.
        var idle = new List<Socket>();
        for (var i = 0; i < 10_000; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(new IPAddress([127, 0, 1, (byte)(1 + i % 8)]), 0));
            await socket.ConnectAsync(IPAddress.Loopback, web.Port);
            idle.Add(socket);
        }
        var answers = await web.AskAsync(100, TimeSpan.FromSeconds(3));
        Assert.All(answers, a => Assert.Equal(200, a.Status));
        var more = web.Gateway.ResidentBytes() - before;
        Assert.True(more < 200L << 20, $"{more >> 20} MiB more for 10 000 idle connections");
        foreach (var socket in idle)
            socket.Dispose();
    }

    [Fact]
    public async Task A_header_at_the_bound_passes_and_one_beyond_it_is_refused()
    {
        await using var web = new WebGateway(new Workspace());
        await web.StartAsync(web.Configuration(accept: "\"HeaderBytesMax\": 8192, \"BodyBytesMax\": 1000,"));
        foreach (var (length, status) in new[] { (7000, 200), (9000, 431) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, web.Address);
            request.Headers.Add("X-Long", new string('x', length));
            using var response = await web.Client.SendAsync(request);
            Assert.Equal(status, (int)response.StatusCode);
        }
        foreach (var (length, status) in new[] { (1000, 200), (1001, 413) })
        {
            using var response = await web.Client.PostAsync(web.Address, new ByteArrayContent(new byte[length]));
            Assert.Equal(status, (int)response.StatusCode);
        }
    }
}
