using System.Globalization;

namespace Holdfast.Bench.Web;

/// <summary>Holdfast's configuration: the same targets, home and reserve, and the same deadline.</summary>
internal static class HoldfastWebConfig
{
    /// <param name="capacity">Declared for each site, requests a second; null: not declared.</param>
    public static string Write(WebLayout layout, double? capacity = null)
    {
        var declared = capacity is { } most ? string.Create(CultureInfo.InvariantCulture, $" \"CapacityPerSecond\": {most},") : "";
        string Site(string name, string region, bool isHome) => string.Create(CultureInfo.InvariantCulture, $$"""
            { "Name": "{{name}}", "Service": "web", "Region": "{{region}}",{{declared}} "Targets": [ {{string.Join(", ",
                layout.Backends.Where(b => b.IsHome == isHome).Select(b => Target(b.Port)))}} ] }
            """);
        return string.Create(CultureInfo.InvariantCulture, $$"""
            { "Holdfast": {
              "HostName": "holdfast.test",
              "Topology": { "HomeRegion": "na", "Regions": [ { "Name": "na" }, { "Name": "eu" } ], "Sites": [
                {{Site("web-na", "na", true)}},
                {{Site("web-eu", "eu", false)}} ] },
              "Web": {
                "Accept": { "Listeners": [ { "Name": "web", "Endpoint": "127.0.0.1:{{layout.PlainPort}}" },
                  { "Name": "tls", "Endpoint": "127.0.0.1:{{layout.TlsPort}}", "Certificates": [
                    { "CertificateFile": "{{layout.Certificate}}", "KeyFile": "{{layout.Key}}" } ] } ],
                  "TrustedProxies": [ "127.0.0.0/8" ] },
                "Select": { "UserHeader": "{{WebLayout.UserHeader}}", "Routes": [ { "Host": "*", "Path": "/", "Service": "web",
                  "Deadline": "{{WebLayout.Deadline:c}}" } ] } } } }
            """);
    }

    private static string Target(int port) => string.Create(CultureInfo.InvariantCulture, $$"""{ "Address": "127.0.0.1:{{port}}" }""");
}
