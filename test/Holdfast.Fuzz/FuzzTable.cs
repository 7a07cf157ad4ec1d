using System.Text;
using Holdfast.Fuzz.Targets;

namespace Holdfast.Fuzz;

/// <summary>Every parser that takes octets from outside, from the disk or from an operator.</summary>
internal static class FuzzTable
{
    private static readonly byte[][] Smtp = Tokens("EHLO ", "HELO ", "MAIL FROM:<", "RCPT TO:<", "DATA", "BDAT ",
        " LAST", "AUTH PLAIN ", "XCLIENT ", "STARTTLS", "VRFY ", ">", " SIZE=", " BODY=8BITMIME", " BODY=BINARYMIME",
        " SMTPUTF8", " RET=HDRS", " ENVID=", " NOTIFY=SUCCESS,", "NEVER", " ORCPT=rfc822;", "utf-8;", "+3D", "+2B",
        "\\x{20}", " AUTH=<>", " MT-PRIORITY=-9", " REQUIRETLS", "ADDR=IPV6:", "NAME=[UNAVAILABLE]", "PROTO=ESMTP",
        "PORT=", "=", ",", " ", "\0", "\r", "\n", "\t", "ä", "\ufffd", "\ud83d\ude00");

    private static readonly byte[][] Addresses = Tokens("<", ">", "@", ".", "..", ":", ",", "\"", "\\", "<@a,@b:",
        "[", "]", "[IPv6:", "::", "127.0.0.1", "xn--", "ä", "。", "\u00ad", "example.org", "postmaster", " ", "\0",
        "\r\n", new('a', 64), new string('b', 63) + ".");

    private static readonly byte[][] Content = Tokens("\r\n.\r\n", "\r\n", "\r", "\n", ".", "..", "\n.\n", "\r\n.\n",
        "\n.\r\n", "\r.\r", "\r\n.\r", "\r\r\n", "\0", "\r\n\r\n", "Received: ", "Received", "rEcEiVeD\t:",
        "Subject: x", " ", "\t", ":", "\x85", new('x', 990), "QUIT\r\n");

    private static readonly byte[][] Proxy = Tokens("\r\n\r\n\0\r\nQUIT\n", "PROXY TCP4 ", "\x21\x11\0\x0c",
        "\x21\x21\0\x24", "\x20\0\0\0", "\x21\x31", "\x21\x00\0\0", "\x03\0\x04", "\x04\0\0", "\x20\0\x05");

    private static readonly byte[][] Replies = Tokens("250-", "250 ", "220 ", "550 5.1.1 ", "550-5.1.1 ", "4.7.0 ",
        "421 ", "354 ", "\r\n", "\n", "\r", "PIPELINING", "SIZE ", "8BITMIME", "LIMITS RCPTMAX=", "MAILMAX=",
        "SMTPUTF8", "DSN", "STARTTLS", "999", "199 ", "600 ", "5.999.999 ", "\t", "\xff", " ", "-");

    private static readonly byte[][] Binary = [.. new[] { "\0", "\x01", "\x7f", "\xff", "\xff\xff",
        "\xff\xff\xff\xff", "\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\0\0\0\0\0\0\0\0",
        "\xff\xff\xff\xff\xff\xff\xff\x7f", "\x80\x01", "\x07\0\0\0\0\0\0\0",
        "\x0101234567" }.Select(Encoding.Latin1.GetBytes)];

    private static readonly byte[][] Json = Tokens("{", "}", "[", "]", ",", ":", "\"", "\\", "null", "true", "false",
        "0", "-1", "1e999", "1e-9", "99999999999999999999", "\"\"", "// x\n", "/*", "*/", "\\ud800", "\\u0000",
        "\ufeff", "\ufffd", "\"Holdfast\":", "\"Mail\":", "\"Receive\":", "\"Listeners\":", "\"Route\":",
        "\"Rules\":", "\"Domain\":\"*.ä.de\"", "\"Mx\":true", "\"Topology\":", "\"Sites\":", "\"Targets\":",
        "\"Address\":", "\"NodeId\":", "\"Spool\":", "\"Deliver\":", "\"Evidence\":", "\"KeepFor\":", "\"90d\"",
        "\"1:00:00\"", "\"4GiB\"", "\"99999999999d\"", "\"[::1]:25\"", "\"0.0.0.0:0\"", "\"::ffff:1.2.3.4/120\"");

    private static readonly byte[][] Evidence = [.. Json, .. Tokens("\"time\":\"2026-01-22T17:45:00Z\"",
        "\"kind\":\"Accepted\"", "\"kind\":17", "\"took_ms\":1e308", "\"took_ms\":-0.0005", "\"attempt\":",
        "\"size\":", "\"next\":\"9999-12-31T23:59:59.9999999Z\"", "\"0001-01-01T00:00:00+14:00\"", "\"reason\":",
        "\"id\":")];

    private static readonly byte[][] Export = Tokens("@LEN@", "\"contentBytes\":", "\"envelope\":{",
        "\"recipients\":[", "\"address\":\"a@b.example\"", "\"sender\":\"\"", "\"state\":\"Delivered\"",
        "\"state\":99", "\"notify\":\"Never\"", "\"priority\":", "\"body\":\"BinaryMime\"", "\"return\":\"Full\"",
        "\"smtpUtf8\":true", "\"tenant\":\"", "\\u000d\\n", "\\u007f", "\\ud83d\\ude00", "\"progress\":null", "\r\n",
        "\n", "\r", "\n.", "{\"sha256\":\"\"}", new('x', 300));

    private static readonly byte[][] Lines = Tokens("\n", "\r\n", "#", "@", ".", "*", "*.", ":", "+", "\ufeff", " ",
        "\t", "example.org", "xn--", "xn--a", "ä", "ß", "。", "\u0130", "\u00ad", "\u200d", "[", "]", "/24", "/0",
        "/33", "/129", "10.0.0.0", "::ffff:1.2.3.4", "2001:db8::", "fe80::1%1", new('a', 63), new('b', 250), "\0",
        "\xff", "AQAAAAIAAYagAAAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "{\"user\":\"", "\"hash\":\"",
        "\"senders\":[", "\"priority\":9}", "null", "}", "\\ud800");

    private static readonly byte[][] Fields = Tokens("\n", ": ", "Host: ", "Connection: ", "close, ", "keep-alive, ",
        "Transfer-Encoding: ", "chunked", "identity", "gzip, chunked", "Content-Length: ", "X-Content-Length: ", "5", "+5",
        "TRACE ", "CONNECT ", "POST ", "Upgrade: websocket", "Keep-Alive: ", "Proxy-Connection: ", "TE: trailers",
        "Trailer: ", "X-Forwarded-For: ", "X-Forwarded-Proto: https", "X-Real-IP: ", "Forwarded: for=", "X-Priority: 0",
        "X-User: ", "Cookie: ", "Expect: 100-continue", ",", ";", " ", "\t", "\0", "ä");

    private static readonly byte[][] Hosts = Tokens("*", "*.", ".", "store.example", "a.", "/", "/api", "/api/", "//", "\n",
        ":80", "[::1]", "[", "]", ":", "%2f", "xn--", "A", "_", "-", new('a', 63), new('b', 250));

    private static readonly byte[][] Chain = Tokens(",", ", ", "10.1.2.3", "192.0.2.1", "192.0.2.1:80", "[fd00::1]",
        "[2001:db8::1]:443", "2001:db8::1", "::ffff:10.0.0.1", "unknown", "_hidden", "[", "]", ":", "0x7f.1", "1", "%1",
        "\"", " ", "\t");

    private static readonly byte[][] Cookies = Tokens("@", "sid=", "sid=@", "; ", ";", "=", "SID=", "\"", " ", "\t", "\0",
        "sid", "__Host-", "AQ", "-", "_", "+", "/", new('A', 40), new('A', 4000));

    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("command", SmtpTargets.Command, [.. Smtp, .. Addresses]),
        new("address", SmtpTargets.Address, Addresses, 400),
        new("data", SmtpTargets.Data, Content, 2048),
        new("bdat", SmtpTargets.Bdat, Content, 2048),
        new("proxy", SmtpTargets.ProxyHeader, Proxy, 2200),
        new("reply-writer", SmtpTargets.Reply, Replies),
        new("reply-scanner", DeliverTargets.ReplyScanner, Replies, 20 << 10),
        new("reply-trip", DeliverTargets.ReplyRoundTrip, Replies),
        new("capabilities", DeliverTargets.Capabilities, Replies),
        new("dot-stuffing", DeliverTargets.DotStuffing, Content, 512),
        new("notice", ComposedTargets.Notice, [.. Replies, .. Content, .. Addresses], IsSlow: true),
        new("trace", ComposedTargets.Trace, Addresses, 700),
        new("segment", SegmentTargets.Walk, Binary),
        new("envelope", SpoolTargets.Envelope, Binary),
        new("progress", SpoolTargets.Progress, Binary),
        new("done", SpoolTargets.Done, Binary, 32),
        new("head", SpoolTargets.Head, Binary, 64),
        new("message-id", SpoolTargets.Id, Tokens("0", "7Z", "8", "O", "I", "l", "U", "ı", "ß"), 40),
        new("configuration", ConfigurationTargets.Load, Json, 4096, IsSlow: true),
        new("evidence-line", ConfigurationTargets.EvidenceLine, Evidence),
        new("users", FileTargets.Users, Lines),
        new("user-line", FileTargets.UserLine, Lines),
        new("recipients", FileTargets.Recipients, Lines),
        new("domains", FileTargets.Domains, Lines),
        new("networks", FileTargets.Networks, Lines),
        new("routes", FileTargets.Routes, Lines),
        new("quantities", ConfigurationTargets.Quantities, Tokens("ms", "s", "m", "h", "d", "w", ":", ".", "-", "1e9",
            "KiB", "GB", "TiB", "10675199.02:48:05.4775808", "9223372036854775807", "0.0000001",
            "23:59:59.9999999"), 60),
        new("queue-import", QueueTargets.Import, [.. Export, .. Json], IsSlow: true),
        new("content-scan", QueueTargets.ContentScan, Content, 2048),
        new("web-request", WebTargets.Request, Fields),
        new("web-passing", WebTargets.Passing, Fields, IsSlow: true),
        new("web-forwarded", WebTargets.Forwarded, Chain, 400),
        new("web-routes", WebTargets.Routes, Hosts, 700),
        new("web-accept", WebTargets.Accept, Tokens("text/html", "*/*", "application/json", ";q=0", ",", "TEXT/HTML", " "),
            200),
        new("web-class", WebTargets.Class, Tokens("0", "5", "6", "staff", "guest", ",", " ", "S", "m", "H", "n", "u", "M",
            "99999999", "-1", "\t"), 200),
        new("web-cookie", WebSessionTargets.Cookie, Cookies, 5000),
        new("web-keys", WebSessionTargets.Keys, [.. Lines, new byte[] { (byte)'#' }], 5000),
        new("web-secret", WebSessionTargets.Secret, [.. Lines, .. Tokens("Bearer ", "Basic ", "=", ",", "\"", "\u0085",
            new('x', 8190))], 20_000),
        new("web-retry-after", WebSessionTargets.RetryAfter, Tokens("0", "1", "120", "99999999999", "-1", "1.5",
            "Fri, 23 Jan 2026 19:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", ",", "\n", " ", "GMT", "+0000"), 200),
        new("web-probe", WebSessionTargets.Probe, Tokens("200-299", "200", "-", ",", " ", "99", "600", "599-100", "ok"),
            400),
        new("web-record", WebSessionTargets.Record, [.. Json, .. Lines], 5000),
        new("series-file", WatchTargets.Series, Tokens("time", "count", "service", "region", ",", "\n", "\r\n", "\"",
            "\"\"", ";", "\t", "\ufeff", "0", "60", "1e12", "-1", "1769103900", "2026-01-22T17:45:00Z", "NaN", "1e308"),
            2000),
        new("breakdown-file", WatchTargets.Breakdown, Tokens("requests", "failures", "expected failures", ",", "\n", "\"",
            "0", "1", "1e12", "-1", "NaN", "1e-300", "a", "region", ";", "\ufeff"), 1000),
        new("wildcard", QueueTargets.Wildcard, Tokens("*", "**", "*a", "a*", "A", "\n", "@", ".", "example.org"), 80),
    ];

    private static byte[][] Tokens(params ReadOnlySpan<string> texts)
    {
        var tokens = new byte[texts.Length][];
        for (var i = 0; i < tokens.Length; i++)
            tokens[i] = Encoding.UTF8.GetBytes(texts[i]);
        return tokens;
    }
}
