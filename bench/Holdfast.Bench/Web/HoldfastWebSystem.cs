using System.Diagnostics;

namespace Holdfast.Bench.Web;

/// <summary>The published binary with a web service in two regions, defaults else. As the others it isn't told what its
/// targets can do.</summary>
internal sealed class HoldfastWebSystem(string binary) : WebSystem("Holdfast")
{
    public override string? WhyNot => File.Exists(binary) ? null : $"{binary} isn't there";
    public override bool HasTls => false;
    public override string Version => Ask(binary, "--version") is { Length: > 0 } said ? "Holdfast " + said : "Holdfast";

    protected override ProcessStartInfo Configure(WebLayout layout, string folder)
    {
        var config = Path.Combine(folder, "holdfast.json");
        File.WriteAllText(config, HoldfastWebConfig.Write(layout));
        return new ProcessStartInfo(binary, ["run", "--config", config, "--data", Path.Combine(folder, "data")]);
    }
}
