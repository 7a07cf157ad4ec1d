using System.Text;
using Holdfast.SystemTests.Harness;

namespace Holdfast.SystemTests;

/// <summary>Requests over HTTP/2 that hide something for the HTTP/1.1 in which they go on: what reaches the target is
/// one well-formed request or nothing (RFC 9113 §8.1.1, §10.3).</summary>
public sealed class WebHttp2HostileTests
{
    private const string Hidden = "GET /hidden HTTP/1.1\r\nHost: inside.example\r\n\r\n";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <summary>What is sent in stream 1.</summary>
    private sealed record Hostile(params (string Name, string Value)[] Fields)
    {
        public string? Data { get; init; }
        public (string Name, string Value)[]? Trailers { get; init; }
        /// <summary>It has one meaning, strange as it looks, and comes through.</summary>
        public bool IsFine { get; init; }
        /// <summary>It may be through before the rest is seen.</summary>
        public bool IsRace { get; init; }
        /// <summary>Instead of all that.</summary>
        public byte[]? Frames { get; init; }
    }

    private static Hostile Get(params (string, string)[] more) => new([.. Head("GET", "/"), .. more]);

    private static Hostile Post(string data, params (string, string)[] more) =>
        new([.. Head("POST", "/"), .. more]) { Data = data };

    private static (string, string)[] Head(string method, string path, string authority = "a.example",
        string scheme = "http") =>
        [(":method", method), (":scheme", scheme), (":path", path), (":authority", authority)];

    private static readonly Dictionary<string, Hostile> Corpus = new()
    {
        ["plain read"] = Get() with { IsFine = true },
        ["plain write"] = Post("body", ("content-length", "4")) with { IsFine = true },
        ["write without a length"] = Post("body") with { IsFine = true },
        ["hidden request in a body without a length"] = Post(Hidden) with { IsFine = true },
        ["hidden request in a body of its length"] = Post(Hidden, ("content-length", $"{Hidden.Length}")) with { IsFine = true },
        ["hidden request in a read's body"] = Get() with { Data = Hidden, IsFine = true },
        ["CR LF in a value"] = Get(("x-a", "b\r\nX-Hidden: 1")),
        ["LF in a value"] = Get(("x-a", "b\nX-Hidden: 1")),
        ["CR in a value"] = Get(("x-a", "b\rX-Hidden: 1")),
        ["NUL in a value"] = Get(("x-a", "b\0X-Hidden: 1")),
        ["request in a value"] = Get(("x-a", "b\r\n\r\n" + Hidden)),
        ["CR LF at a value's end"] = Get(("x-a", "b\r\n")),
        ["fold in a value"] = Get(("x-a", "b\r\n c")),
        ["CR LF in a cookie"] = Get(("cookie", "a=b\r\nX-Hidden: 1"), ("cookie", "c=d")),
        ["CR LF in a name"] = Get(("x-a: b\r\nx-hidden", "1")),
        ["LF in a name"] = Get(("x-a\nx-hidden", "1")),
        ["NUL in a name"] = Get(("x-\0a", "1")),
        ["colon in a name"] = Get(("x-hidden: 1", "1")),
        ["space in a name"] = Get(("transfer-encoding ", "chunked")) with { Data = "0\r\n\r\n" + Hidden },
        ["tab in a name"] = Get(("x\ta", "1")),
        ["empty name"] = Get(("", "chunked")),
        ["capital in a name"] = Get(("X-Hidden", "1")),
        ["letter beyond ASCII in a name"] = Get(("x-ä", "1")),
        ["method with a request line"] = new(Head("GET /hidden HTTP/1.1\r\nHost: a\r\n\r\nGET", "/")),
        ["method with a target"] = new(Head("GET /hidden", "/")),
        ["method with CR LF"] = new(Head("GET\r\nX-Hidden: 1", "/")),
        ["method with NUL"] = new(Head("GE\0T", "/")),
        ["empty method"] = new(Head("", "/")),
        ["mirror"] = new(Head("TRACE", "/")),
        ["tunnel"] = new((":method", "CONNECT"), (":authority", "inside.example:25")) { Data = Hidden },
        ["tunnel with a path"] = new(Head("CONNECT", "/hidden")) { Data = Hidden },
        ["extended tunnel for anything"] = new([.. Head("CONNECT", "/"), (":protocol", "hidden")]) { Data = Hidden },
        ["extended tunnel with CR LF"] = new([.. Head("CONNECT", "/"), (":protocol", "websocket\r\nX-Hidden: 1")]),
        ["protocol in a read"] = new([.. Head("GET", "/"), (":protocol", "websocket")]),
        ["path with a request line"] = new(Head("GET", "/ HTTP/1.1\r\nHost: a\r\n\r\nGET /hidden")),
        ["path with a version"] = new(Head("GET", "/a HTTP/1.0")) { IsFine = true },
        ["path with a space"] = new(Head("GET", "/a b")) { IsFine = true },
        ["path with CR LF"] = new(Head("GET", "/a\r\nX-Hidden:1")),
        ["path with LF"] = new(Head("GET", "/a\nX-Hidden:1")),
        ["path with NUL"] = new(Head("GET", "/a\0b")),
        ["path with encoded CR LF"] = new(Head("GET", "/a%0d%0aX-Hidden:%201")) { IsFine = true },
        ["path with encoded NUL"] = new(Head("GET", "/a%00b")),
        ["path with a fragment"] = new(Head("GET", "/a#b")) { IsFine = true },
        ["path beyond ASCII"] = new(Head("GET", "/ä")),
        ["path without a slash"] = new(Head("GET", "hidden")),
        ["path with an at sign before"] = new(Head("GET", "@inside.example/hidden")),
        ["empty path"] = new(Head("GET", "")),
        ["absolute path"] = new(Head("GET", "http://inside.example/hidden")),
        ["path of another port"] = new(Head("GET", ":25/hidden")),
        ["asterisk"] = new(Head("GET", "*")),
        ["query with CR LF"] = new(Head("GET", "/?a\r\nX-Hidden:1")),
        ["query with a space"] = new(Head("GET", "/?a HTTP/1.1")) { IsFine = true },
        ["scheme with CR LF"] = new(Head("GET", "/", scheme: "http\r\nX-Hidden: 1")),
        ["scheme with a host"] = new(Head("GET", "/", scheme: "http://inside.example/hidden?")),
        ["scheme of another kind"] = new(Head("GET", "/", scheme: "file")),
        ["scheme that isn't spoken"] = new(Head("GET", "/", scheme: "https")),
        ["authority with CR LF"] = new(Head("GET", "/", "a\r\nX-Hidden: 1")),
        ["authority with a space"] = new(Head("GET", "/", "a b")),
        ["authority with a path"] = new(Head("GET", "/", "a.example/hidden")),
        ["authority with a user"] = new(Head("GET", "/", "a@inside.example")),
        ["authority with a query"] = new(Head("GET", "/", "a.example?hidden")),
        ["authority with NUL"] = new(Head("GET", "/", "a\0.example")),
        ["authority unlike host"] = Get(("host", "inside.example")) with { IsFine = true },
        ["two hosts"] = Get(("host", "a.example"), ("host", "inside.example")) with { IsFine = true },
        ["host with CR LF"] = new((":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "a\r\nX-Hidden: 1")),
        ["no authority and no host"] = new((":method", "GET"), (":scheme", "http"), (":path", "/")),
        ["method twice"] = new([.. Head("GET", "/"), (":method", "POST")]),
        ["path twice"] = new([.. Head("GET", "/"), (":path", "/hidden")]),
        ["authority twice"] = new([.. Head("GET", "/"), (":authority", "inside.example")]),
        ["scheme twice"] = new([.. Head("GET", "/"), (":scheme", "http")]),
        ["path behind a field"] = new((":method", "GET"), (":scheme", "http"), (":authority", "a"), ("x-a", "b"), (":path", "/hidden")),
        ["pseudo-field of nobody"] = Get() with { Fields = [.. Head("GET", "/"), (":hidden", "1")] },
        ["pseudo-field of answers"] = Get() with { Fields = [.. Head("GET", "/"), (":status", "200")] },
        ["no method"] = new((":scheme", "http"), (":path", "/"), (":authority", "a")),
        ["no path"] = new((":method", "GET"), (":scheme", "http"), (":authority", "a")),
        ["no scheme"] = new((":method", "GET"), (":path", "/"), (":authority", "a")),
        ["connection"] = Get(("connection", "close")),
        ["connection that names a field"] = Get(("connection", "x-a"), ("x-a", "b")),
        ["keep-alive"] = Get(("keep-alive", "timeout=5")),
        ["proxy-connection"] = Get(("proxy-connection", "keep-alive")),
        ["upgrade"] = Get(("upgrade", "websocket")),
        ["upgrade of a connection"] = Get(("connection", "upgrade"), ("upgrade", "h2c"), ("http2-settings", "AAMAAABk")),
        ["transfer-encoding"] = Post("0\r\n\r\n" + Hidden, ("transfer-encoding", "chunked")),
        ["transfer-encoding with a length"] = Post("0\r\n\r\n" + Hidden, ("transfer-encoding", "chunked"), ("content-length", $"{Hidden.Length + 5}")),
        ["transfer-encoding of another kind"] = Post(Hidden, ("transfer-encoding", "identity")),
        ["te"] = Get(("te", "gzip")),
        ["te of trailers"] = Get(("te", "trailers")) with { IsFine = true },
        ["length of more than came"] = Post("abc", ("content-length", "10")),
        ["length of less than came"] = Post("abc" + Hidden, ("content-length", "3")),
        ["length of nothing"] = Post(Hidden, ("content-length", "0")),
        ["length without content"] = Get(("content-length", "5")),
        ["lengths that differ"] = Post(Hidden, ("content-length", "0"), ("content-length", $"{Hidden.Length}")),
        ["lengths in one field"] = Post(Hidden, ("content-length", $"0, {Hidden.Length}")),
        ["signed length"] = Post("abc", ("content-length", "+3")) with { IsFine = true },
        ["negative length"] = Post("abc", ("content-length", "-3")),
        ["hexadecimal length"] = Post("abc", ("content-length", "0x3")),
        ["length beyond 64 bits"] = Post("abc", ("content-length", "18446744073709551619")),
        ["length with CR LF"] = Post("abc", ("content-length", "3\r\nX-Hidden: 1")),
        ["trailers"] = Post("abc") with { Trailers = [("x-sum", "1")], IsFine = true },
        ["trailers with a length"] = Post("abc") with { Trailers = [("content-length", "0")], IsFine = true },
        ["trailers with an encoding"] = Post("abc") with { Trailers = [("transfer-encoding", "chunked")], IsFine = true },
        ["trailers with a host"] = Post("abc") with { Trailers = [("host", "inside.example")], IsFine = true },
        ["trailers with CR LF"] = Post("abc") with { Trailers = [("x-a", "b\r\n\r\n" + Hidden)], IsFine = true },
        ["trailers with CR LF in a name"] = Post("abc") with { Trailers = [("x-a\r\nx-hidden", "b")], IsFine = true },
        ["trailers with a pseudo-field"] = Post("abc") with { Trailers = [(":path", "/hidden")] },
        ["fields behind trailers"] = new()
        {
            Frames = [.. Block(RawHttp2.EndHeaders, Head("POST", "/")), .. Block(RawHttp2.EndHeaders, Head("GET", "/hidden")),
                .. RawHttp2.Frame(RawHttp2.Data, RawHttp2.EndStream, 1, "abc"u8)],
        },
        ["header cut in two"] = new()
        {
            IsFine = true,
            Frames = [.. RawHttp2.Frame(RawHttp2.Headers, RawHttp2.EndStream, 1, RawHttp2.Fields(Head("GET", "/")).AsSpan(0, 20)),
                .. RawHttp2.Frame(RawHttp2.Continuation, RawHttp2.EndHeaders, 1, RawHttp2.Fields(Head("GET", "/")).AsSpan(20))],
        },
        ["header cut by another stream's"] = new()
        {
            Frames = [.. RawHttp2.Frame(RawHttp2.Headers, RawHttp2.EndStream, 1, RawHttp2.Fields(Head("GET", "/")).AsSpan(0, 20)),
                .. RawHttp2.Frame(RawHttp2.Headers, RawHttp2.EndStream | RawHttp2.EndHeaders, 3, RawHttp2.Fields(Head("GET", "/hidden"))),
                .. RawHttp2.Frame(RawHttp2.Continuation, RawHttp2.EndHeaders, 1, RawHttp2.Fields(Head("GET", "/")).AsSpan(20))],
        },
        ["data before the header"] = new()
        {
            Frames = [.. RawHttp2.Frame(RawHttp2.Data, 0, 1, Encoding.ASCII.GetBytes(Hidden)),
                .. Block(RawHttp2.EndStream | RawHttp2.EndHeaders, Head("GET", "/"))],
        },
        ["data behind the end"] = new()
        {
            IsRace = true,
            Frames = [.. Block(RawHttp2.EndStream | RawHttp2.EndHeaders, Head("POST", "/")),
                .. RawHttp2.Frame(RawHttp2.Data, RawHttp2.EndStream, 1, Encoding.ASCII.GetBytes(Hidden))],
        },
        ["more padding than frame"] = new()
        {
            Frames = RawHttp2.Frame(RawHttp2.Headers, RawHttp2.EndStream | RawHttp2.EndHeaders | RawHttp2.Padded, 1,
                [255, .. RawHttp2.Fields(Head("GET", "/hidden"))]),
        },
        ["stream of an even number"] = new()
        {
            Frames = RawHttp2.Frame(RawHttp2.Headers, RawHttp2.EndStream | RawHttp2.EndHeaders, 2, RawHttp2.Fields(Head("GET", "/hidden"))),
        },
        ["value that is longer than its block"] = new()
        {
            Frames = RawHttp2.Frame(RawHttp2.Headers, RawHttp2.EndStream | RawHttp2.EndHeaders, 1,
                [.. RawHttp2.Fields(Head("GET", "/")), 0, 1, (byte)'a', 100, (byte)'b']),
        },
        ["field of no table"] = new()
        {
            Frames = RawHttp2.Frame(RawHttp2.Headers, RawHttp2.EndStream | RawHttp2.EndHeaders, 1,
                [.. RawHttp2.Fields(Head("GET", "/")), 0xff, 0xff, 0xff, 0xff, 0x0f]),
        },
    };

    public static TheoryData<string> Names() => [.. Corpus.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task What_reaches_a_target_is_one_well_formed_request_or_nothing(string name)
    {
        var (port, target) = await Shared.Value;
        var hostile = Corpus[name];
        var (faultsBefore, requestsBefore, fieldsBefore) = (target.Faults.Count, target.Requests.Count, target.Fields.Count);
        (int Status, string End) answer;
        using (var client = await RawHttp2.ConnectAsync(port))
        {
            await client.SendAsync(hostile.Frames ?? Frames(hostile));
            answer = await client.AnswerAsync(1, Limit);
        }
        // What a request left in a connection to the target would spoil the next one there.
        using (var next = await RawHttp2.ConnectAsync(port))
        {
            await next.SendAsync(Block(RawHttp2.EndStream | RawHttp2.EndHeaders, Head("GET", "/next")));
            Assert.Equal((200, "end"), await next.AnswerAsync(1, Limit));
        }
        var taken = target.Requests.Skip(requestsBefore).ToArray();
        var words = $"{name}: {answer}; taken: {string.Join(" | ", taken)}; {string.Join(" | ", target.Faults.Skip(faultsBefore))}";
        TestContext.Current.TestOutputHelper?.WriteLine(words);
        Assert.True(target.Faults.Count == faultsBefore, words);
        Assert.True(taken[^1] == "GET /next HTTP/1.1" && taken.Length <= 2, words);
        Assert.True(hostile.IsRace || (taken.Length == 2 == hostile.IsFine && answer.Status == 200 == hostile.IsFine), words);
        Assert.True(answer.End != "nothing", words);
        foreach (var request in taken)
            Assert.DoesNotContain("hidden", request.Split('?')[0].Split('%')[0], StringComparison.Ordinal);
        foreach (var (_, field) in target.Fields.Skip(fieldsBefore))
        {
            Assert.False(field.StartsWith("X-Hidden", StringComparison.OrdinalIgnoreCase), $"{words}; {field}");
            Assert.False(field.Equals("Host: inside.example", StringComparison.OrdinalIgnoreCase), $"{words}; {field}");
        }
    }

    private static byte[] Block(int flags, (string, string)[] fields) =>
        RawHttp2.Frame(RawHttp2.Headers, (byte)flags, 1, RawHttp2.Fields(fields));

    private static byte[] Frames(Hostile hostile)
    {
        var isAlone = hostile.Data is null && hostile.Trailers is null;
        var frames = new List<byte>(Block(RawHttp2.EndHeaders | (isAlone ? RawHttp2.EndStream : 0), hostile.Fields));
        if (hostile.Data is { } data)
        {
            frames.AddRange(RawHttp2.Frame(RawHttp2.Data, hostile.Trailers is null ? RawHttp2.EndStream : (byte)0, 1,
                Encoding.Latin1.GetBytes(data)));
        }
        if (hostile.Trailers is { } trailers)
            frames.AddRange(Block(RawHttp2.EndHeaders | RawHttp2.EndStream, trailers));
        return [.. frames];
    }

    /// <summary>One gateway for all of them: what one sends must not change what the next gets.</summary>
    private static readonly Lazy<Task<(int Port, StrictWebTarget Target)>> Shared = new(async () =>
    {
        var (gateway, port, targetPort) = (new Gateway(new Workspace()), Workspace.FreePort(), Workspace.FreePort());
        gateway.Configure(gateway.TwoSites(more: $$"""
            , "Web": {
              "Accept": { "Listeners": [ { "Name": "h2c", "Endpoint": "127.0.0.1:{{port}}", "Protocols": "Http2" } ] },
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
}
