using System.Text.RegularExpressions;

namespace Holdfast.TidyTests;

/// <summary>Documents and code can't part: keys, metrics, type names and links are compared.</summary>
public class DocumentTests
{
    [Fact]
    public void Every_configuration_key_is_in_the_reference()
    {
        var reference = Read("docs/reference/configuration.md");
        var missing = ConfigurationKeys().Where(k => !reference.Contains($"`{k.Key}`", StringComparison.Ordinal))
            .Select(k => $"{k.Owner}.{k.Key}").ToList();
        Assert.True(missing.Count == 0, "not in docs/reference/configuration.md:\n" + string.Join('\n', missing));
    }

    [Fact]
    public void Every_metric_is_in_the_reference()
    {
        var reference = Read("docs/reference/metrics.md");
        var missing = Metrics().Where(m => !reference.Contains($"`{m}`", StringComparison.Ordinal)).ToList();
        Assert.True(missing.Count == 0, "not in docs/reference/metrics.md:\n" + string.Join('\n', missing));
    }

    [Fact]
    public void Public_surface_matches_its_snapshot()
    {
        Snapshot("configuration-keys.txt", ConfigurationKeys().Select(k => $"{k.Owner}.{k.Key}: {k.Type}"));
        Snapshot("metrics.txt", Metrics());
    }

    [Fact]
    public void Type_names_in_our_documents_exist()
    {
        var types = Repository.Modules.Values.SelectMany(m => m.GetTypes())
            .SelectMany(t => t.Methods.Select(m => m.Name).Concat(t.Properties.Select(p => p.Name))
                .Concat(t.Fields.Select(f => f.Name)).Append(t.Name.Split('`')[0]))
            .ToHashSet(StringComparer.Ordinal);
        // Words with an inner capital and no other sign are taken for type names; other systems' words are listed.
        var foreign = new HashSet<string>(StringComparer.Ordinal)
        {
            "TimeProvider", "TreatWarningsAsErrors", "AnalysisLevel", "ExchangeOnline", "DnsClient", "MimeKit", "MailKit",
            "BenchmarkDotNet", "CsCheck", "PasswordHasher", "SslStream", "SocketTransportFactory", "ConnectionContext",
            "IConnectionListenerFactory", "IMeterFactory", "IOptionsMonitor", "InternalsVisibleTo",
        };
        var missing = new List<string>();
        foreach (var document in Repository.Documents())
        {
            foreach (Match match in Regex.Matches(File.ReadAllText(document), "`([A-Z][a-z0-9]+(?:[A-Z][A-Za-z0-9]*)+)`"))
            {
                var name = match.Groups[1].Value;
                if (!types.Contains(name) && !foreign.Contains(name))
                    missing.Add($"{Repository.Relative(document)}: {name}");
            }
        }
        Assert.True(missing.Count == 0, "no such type or member:\n" + string.Join('\n', missing.Distinct()));
    }

    [Fact]
    public void Relative_links_resolve()
    {
        var missing = new List<string>();
        foreach (var document in Repository.Documents())
        {
            foreach (Match match in Regex.Matches(File.ReadAllText(document), @"\]\(([^)#\s]+)(?:#[^)]*)?\)"))
            {
                var target = match.Groups[1].Value;
                if (target.Contains("://", StringComparison.Ordinal) || target.StartsWith("mailto:", StringComparison.Ordinal))
                    continue;
                var path = Path.Combine(Path.GetDirectoryName(document)!, target);
                if (!File.Exists(path) && !Directory.Exists(path))
                    missing.Add($"{Repository.Relative(document)}: {target}");
            }
        }
        Assert.True(missing.Count == 0, "broken links:\n" + string.Join('\n', missing));
    }

    [Fact]
    public void Longest_files_and_methods_are_told()
    {
        var output = TestContext.Current.TestOutputHelper!;
        foreach (var file in Repository.Files("src", "*.cs").Select(f => (f, File.ReadLines(f).Count()))
            .OrderByDescending(p => p.Item2).Take(10))
            output.WriteLine($"{file.Item2,6} lines  {Repository.Relative(file.f)}");
        foreach (var (method, size) in Repository.Modules.Values.SelectMany(m => m.GetTypes()).SelectMany(t => t.Methods)
            .Where(m => m.HasBody).Select(m => (m, m.Body.CodeSize)).OrderByDescending(p => p.CodeSize).Take(10))
            output.WriteLine($"{size,6} bytes of IL  {method.DeclaringType.FullName}.{method.Name}");
    }

    private static string Read(string path) => File.ReadAllText(Path.Combine(Repository.Root, path));

    private static IEnumerable<(string Owner, string Key, string Type)> ConfigurationKeys() =>
        Repository.Modules.Keys.SelectMany(Repository.Types)
            .Where(t => t.Name.EndsWith("Options", StringComparison.Ordinal) && t.IsClass && !t.IsAbstract)
            .SelectMany(t => t.Properties.Where(p => p.SetMethod is not null && p.GetMethod?.IsPublic == true
                    && p.GetMethod.IsStatic == false)
                .Select(p => (t.Name, p.Name, p.PropertyType.Name)))
            .OrderBy(k => k.Item1, StringComparer.Ordinal).ThenBy(k => k.Item2, StringComparer.Ordinal);

    private static IEnumerable<string> Metrics() =>
        Repository.Modules.Values.SelectMany(m => m.GetTypes())
            .Where(t => t.Name.EndsWith("Metrics", StringComparison.Ordinal))
            .SelectMany(t => t.Methods).Where(m => m.HasBody).SelectMany(m => m.Body.Instructions)
            .Select(i => i.Operand).OfType<string>()
            .Where(s => Regex.IsMatch(s, @"^holdfast(\.[a-z][a-z0-9_]*)+$"))
            .Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);

    /// <summary>Compares with test/Holdfast.TidyTests/snapshots; with UPDATE_SNAPSHOTS=1 it writes instead.</summary>
    private static void Snapshot(string name, IEnumerable<string> lines)
    {
        var path = Path.Combine(Repository.Root, "test/Holdfast.TidyTests/snapshots", name);
        var actual = string.Join('\n', lines) + "\n";
        if (Environment.GetEnvironmentVariable("UPDATE_SNAPSHOTS") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, actual);
        }
        var expected = File.Exists(path) ? File.ReadAllText(path) : "";
        Assert.True(expected == actual,
            $"{name} differs. If the change is meant, run the tidy tests with UPDATE_SNAPSHOTS=1 and commit the diff.");
    }
}
