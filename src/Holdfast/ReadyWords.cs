using System.Text;
using Holdfast.Configuration;
using Holdfast.Operator;
using Holdfast.Traffic.Targets;
using Holdfast.Web.Select;

namespace Holdfast;

/// <summary>What <c>run</c> says in the terminal once it is ready: where it listens, where mail goes, what to try.
/// </summary>
internal static class ReadyWords
{
    public static string Write(ConfigurationSnapshot configuration, string? file, string dataPath, string socketPath,
        IReadOnlyList<string> listeners, IReadOnlyList<string> webListeners)
    {
        var text = new StringBuilder();
        var http = configuration.Get<OperatorOptions>().HttpEndpoint;
        text.Append("\nHoldfast ").Append(StatusBoard.Version).Append(" is ready.\n");
        Row("takes mail at", listeners.Count > 0 ? listeners : ["nowhere: no listener is configured"]);
        var services = configuration.Get<SelectOptions>().Routes.Select(r => r.Service)
            .ToHashSet(StringComparer.OrdinalIgnoreCase);
        var sites = configuration.Get<TopologyOptions>().Sites;
        Row("sends it to", [.. sites.Where(s => !services.Contains(s.Service)).Select(Describe)]);
        if (webListeners.Count > 0)
        {
            Row("serves web at", webListeners);
            Row("forwards to", [.. sites.Where(s => services.Contains(s.Service)).Select(Describe)]);
        }
        Row("status", http.Length > 0
            ? [$"http://{http}/api/v1/status, /healthz, /readyz, /metrics"] : ["on the socket only"]);
        Row("socket", [socketPath]);
        Row("data", [dataPath]);
        Row("configuration", [file ?? "built-in example; give your own with --config FILE"]);
        if (file is null)
        {
            var socket = $"--socket {socketPath}";
            // What `dotnet run` started is seldom on the PATH.
            var own = Environment.ProcessPath;
            var command = Path.GetFileName(own) == "holdfast" ? own : "holdfast";
            text.Append($"""

                Try next, in another terminal:
                  smtp-sink 127.0.0.1:2601 100         a place for mail to go (Postfix has it; as root: -u nobody)
                  swaks --server 127.0.0.1:2525 --from ann@example.com --to bob@example.net
                  printf 'Subject: hello\r\n\r\nfirst\r\n' | curl -s smtp://127.0.0.1:2525 \
                    --mail-from ann@example.com --mail-rcpt bob@example.net -T -
                  {command} status {socket}
                  {command} queue list {socket}
                Without a target up, mail waits safely and is tried again. Ctrl+C drains and stops.

                """);
        }
        text.Append('\n');
        return text.ToString();

        static string Describe(SiteOptions site) =>
            $"{site.Name} ({site.Region}): {string.Join(", ", site.Targets.Select(t => t.Address))}";

        void Row(string name, IReadOnlyList<string> values)
        {
            for (var i = 0; i < values.Count; i++)
                text.Append("  ").Append((i == 0 ? name : "").PadRight(15)).Append(values[i]).Append('\n');
        }
    }
}
