using System.Diagnostics;
using System.Reflection;
using System.Text.Json;

namespace Holdfast.Bench.Web;

/// <summary>Debian's HAProxy.</summary>
internal sealed class HaproxySystem() : WebSystem("HAProxy")
{
    public override string? WhyNot => Has("haproxy") ? null : "haproxy isn't installed (test/install-peers)";
    public override string Version => Ask("haproxy", "-v");

    protected override ProcessStartInfo Configure(WebLayout layout, string folder)
    {
        var (config, pem) = (Path.Combine(folder, "haproxy.cfg"), Path.Combine(folder, "haproxy.pem"));
        File.WriteAllText(pem, File.ReadAllText(layout.Certificate) + "\n" + File.ReadAllText(layout.Key));
        File.WriteAllText(config, HaproxyConfig.Write(layout, pem));
        return new ProcessStartInfo("haproxy", ["-db", "-f", config]);
    }
}

/// <summary>Debian's nginx.</summary>
internal sealed class NginxSystem() : WebSystem("nginx")
{
    public static bool IsInstalled => Has("nginx");
    public override string? WhyNot => IsInstalled ? null : "nginx isn't installed (test/install-peers)";
    public override string Version => Ask("nginx", "-v");

    protected override ProcessStartInfo Configure(WebLayout layout, string folder)
    {
        var config = Path.Combine(folder, "nginx.conf");
        File.WriteAllText(config, NginxConfig.Write(layout, folder));
        return new ProcessStartInfo("nginx", ["-c", config, "-e", Path.Combine(folder, "error.log")]);
    }
}

/// <summary>YARP in the tiny host of <see cref="YarpHost"/>, run as the Web SDK would have it run: with the settings that
/// it writes, not with those of this binary.</summary>
internal sealed class YarpSystem() : WebSystem("YARP")
{
    public override string Version => "YARP " + typeof(Yarp.ReverseProxy.Configuration.RouteConfig).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0]
        + " on .NET " + Environment.Version;

    protected override ProcessStartInfo Configure(WebLayout layout, string folder)
    {
        var settings = Path.Combine(folder, "yarp.runtimeconfig.json");
        var assembly = Path.Combine(AppContext.BaseDirectory, "Holdfast.Bench.dll");
        File.WriteAllText(settings, $$"""
            { "runtimeOptions": { "tfm": "net10.0",
                "frameworks": [
                  { "name": "Microsoft.NETCore.App", "version": "{{Environment.Version}}" },
                  { "name": "Microsoft.AspNetCore.App", "version": "{{Environment.Version}}" } ],
                "configProperties": { "System.GC.Server": true } } }
            """);
        var file = Path.Combine(folder, "layout.json");
        File.WriteAllText(file, JsonSerializer.Serialize(layout));
        return new ProcessStartInfo("dotnet", ["exec", "--runtimeconfig", settings, assembly, "yarp-host", "--layout", file]);
    }
}
