using Mono.Cecil;

namespace Holdfast.TidyTests;

/// <summary>The checked-out tree and the assemblies built from it.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>Our projects' assemblies, by project name, as copied beside this test.</summary>
    public static IReadOnlyDictionary<string, ModuleDefinition> Modules { get; } = LoadModules();

    public static IEnumerable<string> Files(string folder, string pattern) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), pattern, SearchOption.AllDirectories)
            .Where(p => !IsBuildOutput(p))
            .Order(StringComparer.Ordinal);

    public static IEnumerable<string> Documents() =>
        Files(".", "*.md").Where(p => !p.Contains("/results/", StringComparison.Ordinal));

    public static string Relative(string path) => Path.GetRelativePath(Root, path);

    public static IEnumerable<TypeDefinition> Types(string project) =>
        Modules.TryGetValue(project, out var module)
            ? module.GetTypes().Where(t => !IsGenerated(t))
            : [];

    /// <summary>The room of a type: the namespace part after the project's name, or null.</summary>
    public static string? Room(string project, TypeReference type)
    {
        var outermost = type;
        while (outermost.DeclaringType is not null)
            outermost = outermost.DeclaringType;
        var ns = outermost.Namespace;
        return ns.StartsWith(project + ".", StringComparison.Ordinal) ? ns[(project.Length + 1)..].Split('.')[0] : null;
    }

    private static bool IsBuildOutput(string path)
    {
        var relative = "/" + Path.GetRelativePath(Root, path).Replace('\\', '/');
        return relative.Contains("/bin/", StringComparison.Ordinal) || relative.Contains("/obj/", StringComparison.Ordinal)
            || relative.Contains("/TestResults/", StringComparison.Ordinal)
            || relative.Contains("/artifacts/", StringComparison.Ordinal)
            || relative.Contains("/.git/", StringComparison.Ordinal);
    }

    private static bool IsGenerated(TypeDefinition type) =>
        type.Name.Contains('<', StringComparison.Ordinal) || type.Namespace.StartsWith("Microsoft.", StringComparison.Ordinal)
        || type.Namespace.StartsWith("System.", StringComparison.Ordinal);

    private static Dictionary<string, ModuleDefinition> LoadModules()
    {
        var modules = new Dictionary<string, ModuleDefinition>(StringComparer.Ordinal);
        foreach (var project in Files("src", "*.csproj").Concat(Files("sim", "*.csproj")))
        {
            var name = Path.GetFileNameWithoutExtension(project);
            var assembly = name == "Holdfast" ? "holdfast" : name;
            var path = Path.Combine(AppContext.BaseDirectory, assembly + ".dll");
            if (File.Exists(path))
                modules[name] = ModuleDefinition.ReadModule(path);
        }
        return modules;
    }

    private static string FindRoot()
    {
        for (var dir = new DirectoryInfo(AppContext.BaseDirectory); dir is not null; dir = dir.Parent)
        {
            if (File.Exists(Path.Combine(dir.FullName, "Holdfast.slnx")))
                return dir.FullName;
        }
        throw new InvalidOperationException("Holdfast.slnx not found above " + AppContext.BaseDirectory);
    }
}
