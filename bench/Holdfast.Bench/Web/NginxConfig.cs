using System.Globalization;
using System.Text;

namespace Holdfast.Bench.Web;

/// <summary>nginx open source as its documentation and its makers' articles advise. It has no active checks: those are
/// sold with NGINX Plus. Where each choice comes from stands beside it in the file.</summary>
internal static class NginxConfig
{
    public static string Write(WebLayout layout, string folder)
    {
        var servers = new StringBuilder();
        foreach (var backend in layout.Backends)
        {
            servers.Append(CultureInfo.InvariantCulture,
                $"        server 127.0.0.1:{backend.Port} max_fails=3 fail_timeout=5s{(backend.IsHome ? "" : " backup")};\n");
        }
        return Head(folder) + string.Create(CultureInfo.InvariantCulture, $$"""
                upstream web {
                    zone web 128k;                  # Load balancing: workers share what they know of failures
                    least_conn;
                    # Load balancing: max_fails and fail_timeout above the defaults of 1 and 10 s, since one bad answer in
                    # ten seconds would take out a server that is well.
            {{servers}}
                    keepalive 64;                   # Ten mistakes, "not enabling keepalive connections to upstream servers"
                    keepalive_requests 1000000;
                }
                server {
                    listen 127.0.0.1:{{layout.PlainPort}} backlog=4096;
                    listen 127.0.0.1:{{layout.TlsPort}} ssl http2 backlog=4096;
                    ssl_certificate {{layout.Certificate}};
                    ssl_certificate_key {{layout.Key}};
                    location / {
                        proxy_pass http://web;
                        proxy_http_version 1.1;     # Ten mistakes, same: both lines are needed
                        proxy_set_header Connection "";
                        proxy_set_header Host $host;
                        proxy_connect_timeout 500ms;
                        proxy_read_timeout 1s;      # half of what the client waits, so that a retry still helps it
                        # ngx_http_proxy_module: also answers that say a server is unwell; a POST that was sent is left alone.
                        proxy_next_upstream error timeout http_500 http_502 http_503 http_504;
                        proxy_next_upstream_tries 3;
                        proxy_next_upstream_timeout 2s;
                    }
                }
            }

            """);
    }

    /// <summary>The cheapest target there is, for plain throughput: the proxy is what is to be measured.</summary>
    public static string WriteTargets(IReadOnlyList<WebBackend> backends, string folder)
    {
        var text = new StringBuilder(Head(folder));
        foreach (var backend in backends)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"    server {{ listen 127.0.0.1:{backend.Port} backlog=4096; location / {{ return 200 \"{new string('x', 76)}\\n\"; }} }}\n");
        }
        return text.Append("}\n").ToString();
    }

    // "Load balancing": docs.nginx.com, admin guide, HTTP Load Balancing. "Ten mistakes": nginx.com/blog, "Avoiding the
    // Top 10 NGINX Configuration Mistakes". "Tuning": nginx.com/blog, "Tuning NGINX for Performance".
    private static string Head(string folder) => string.Create(CultureInfo.InvariantCulture, $$"""
        daemon off;
        pid {{folder}}/nginx.pid;
        error_log {{folder}}/error.log error;
        worker_processes auto;                      # Tuning: one a core
        worker_rlimit_nofile 20000;                 # Ten mistakes, "not enough file descriptors per worker"
        events { worker_connections 8000; }
        http {
            access_log off;
            client_body_temp_path {{folder}}/body;
            proxy_temp_path {{folder}}/proxy;
            fastcgi_temp_path {{folder}}/fastcgi;
            uwsgi_temp_path {{folder}}/uwsgi;
            scgi_temp_path {{folder}}/scgi;
            # Tuning: raised for load tests from one machine, which else measure connecting; h2load also counts nothing
            # once its connections are closed under it.
            keepalive_requests 100000000;
            tcp_nodelay on;

        """);
}
