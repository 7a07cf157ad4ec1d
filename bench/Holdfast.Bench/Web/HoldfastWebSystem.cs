using System.Diagnostics;

namespace Holdfast.Bench.Web;

/// <summary>The published binary with a web service in two regions, defaults else.</summary>
/// <param name="capacity">Declared for each site; null: as the others it isn't told what its targets can do.</param>
internal sealed class HoldfastWebSystem(string binary, double? capacity = null)
    : WebSystem(capacity is null ? "Holdfast" : "Holdfast, declared")
{
    public override string? WhyNot => File.Exists(binary) ? null : $"{binary} isn't there";
    public override string Version => Ask(binary, "--version") is { Length: > 0 } said ? "Holdfast " + said : "Holdfast";

    protected override ProcessStartInfo Configure(WebLayout layout, string folder)
    {
        var config = Path.Combine(folder, "holdfast.json");
        File.WriteAllText(config, HoldfastWebConfig.Write(layout, capacity));
        return new ProcessStartInfo(binary, ["run", "--config", config, "--data", Path.Combine(folder, "data")]);
    }
}
