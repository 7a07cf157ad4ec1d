using System.Xml.Linq;

namespace Holdfast.TidyTests;

/// <summary>What the shipped binary must not carry.</summary>
public class BinaryTests
{
    [Fact]
    public void The_binary_carries_neither_the_optimum_nor_its_solver()
    {
        var projects = Closure("Holdfast");
        Assert.Contains("Holdfast.Traffic", projects);
        Assert.DoesNotContain("Holdfast.Optimum", projects);
        var packages = File.ReadAllText(Path.Combine(Repository.Root, "src/Holdfast/packages.lock.json"));
        Assert.DoesNotContain("OrTools", packages, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void The_optimum_carries_its_solver() =>
        Assert.Contains("OrTools", File.ReadAllText(Path.Combine(Repository.Root,
            "sim/Holdfast.Optimum/packages.lock.json")), StringComparison.Ordinal);

    private static HashSet<string> Closure(string project)
    {
        var paths = Repository.Files("src", "*.csproj").Concat(Repository.Files("sim", "*.csproj"))
            .ToDictionary(p => Path.GetFileNameWithoutExtension(p), StringComparer.Ordinal);
        var found = new HashSet<string>(StringComparer.Ordinal);
        var open = new Stack<string>([project]);
        while (open.TryPop(out var next))
        {
            if (!found.Add(next) || !paths.TryGetValue(next, out var path))
                continue;
            foreach (var reference in XDocument.Load(path).Descendants("ProjectReference"))
                open.Push(Path.GetFileNameWithoutExtension((string)reference.Attribute("Include")!));
        }
        return found;
    }
}
