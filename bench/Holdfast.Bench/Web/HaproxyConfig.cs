using System.Globalization;
using System.Text;

namespace Holdfast.Bench.Web;

/// <summary>HAProxy 2.6 as its manual and its makers' articles advise for servers that may fail; where each choice comes
/// from stands beside it in the file.</summary>
internal static class HaproxyConfig
{
    /// <param name="pem">Certificate and key in one file, as HAProxy wants them.</param>
    public static string Write(WebLayout layout, string pem)
    {
        var text = new StringBuilder(Text(layout, pem));
        foreach (var backend in layout.Backends)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"    server {backend.Name} 127.0.0.1:{backend.Port}{(backend.IsHome ? "" : " backup")}\n");
        }
        return text.ToString();
    }

    // "Manual": docs.haproxy.org/2.6/configuration.html. "Checks": haproxy.com/blog, "How to enable health checks in
    // HAProxy". "Retries": haproxy.com/blog, "HAProxy layer 7 retries and chaos engineering".
    private static string Text(WebLayout layout, string pem) => string.Create(CultureInfo.InvariantCulture, $"""
        global
            nbthread 2                  # one a core, the default
            maxconn 8000
        defaults
            mode http
            timeout client 30s
            timeout http-request 5s     # Manual: against slow headers
            timeout http-keep-alive 30s
            timeout connect 500ms       # a local network; Manual: slightly above multiples of 3 s only where packets are lost
            timeout server 1s           # half of what the client waits, so that a retry still helps it
            timeout queue 1s
            timeout check 1s
            retries 2
            option redispatch 1         # Manual: every retry may go to another server
            # Retries: what is worth repeating for requests without side effects; not for others (below).
            retry-on conn-failure empty-response response-timeout 500 502 503 504
            http-reuse aggressive       # Manual: connections known to work are shared between clients
        frontend web
            bind 127.0.0.1:{layout.PlainPort}
            bind 127.0.0.1:{layout.TlsPort} ssl crt {pem} alpn h2,http/1.1
            # Manual, disable-l7-retry: only a connection that wasn't made is tried again for what may have been done.
            http-request disable-l7-retry if METH_POST
            default_backend web
        backend web
            balance leastconn
            option httpchk              # Checks: a request, not only a connection
            http-check send meth GET uri {WebLayout.HealthPath} ver HTTP/1.1 hdr Host health.test
            http-check expect status 200
            option allbackups           # Manual: all of the reserve, not only its first server
            # Checks: active ones each second, and real traffic is looked at too (observe layer7): ten bad answers in a
            # row take a server out at once. fall 3 and rise 2 are the defaults; slowstart as in the Manual's example.
            default-server check inter 1s fastinter 250ms downinter 1s fall 3 rise 2 observe layer7 error-limit 10 on-error mark-down slowstart 5s

        """);
}
