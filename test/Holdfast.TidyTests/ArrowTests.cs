using System.Text.RegularExpressions;
using System.Xml.Linq;
using Mono.Cecil;

namespace Holdfast.TidyTests;

/// <summary>The arrows in docs/ARCHITECTURE.md are the arrows in the code, by project reference and by compiled type
/// reference, room by room.</summary>
public class ArrowTests
{
    private static readonly Dictionary<string, HashSet<string>> ProjectArrows = Table("## Allowed arrows", 0);

    [Fact]
    public void Every_project_has_its_arrows_in_the_architecture()
    {
        foreach (var project in Repository.Modules.Keys)
            Assert.True(ProjectArrows.ContainsKey(project), $"docs/ARCHITECTURE.md has no arrows row for {project}");
    }

    [Fact]
    public void Project_references_are_allowed_arrows()
    {
        foreach (var path in Repository.Files("src", "*.csproj").Concat(Repository.Files("sim", "*.csproj")))
        {
            var project = Path.GetFileNameWithoutExtension(path);
            foreach (var reference in XDocument.Load(path).Descendants("ProjectReference"))
            {
                var to = Path.GetFileNameWithoutExtension((string)reference.Attribute("Include")!);
                Assert.True(ProjectArrows[project].Contains(to), $"{project} references {to}: not an allowed arrow");
            }
        }
    }

    [Fact]
    public void Compiled_references_are_allowed_arrows()
    {
        foreach (var (project, module) in Repository.Modules)
        {
            foreach (var reference in module.AssemblyReferences.Select(r => r.Name == "holdfast" ? "Holdfast" : r.Name))
            {
                if (Repository.Modules.ContainsKey(reference))
                    Assert.True(ProjectArrows[project].Contains(reference), $"{project} uses {reference}");
            }
        }
    }

    [Theory]
    [InlineData("Holdfast.Mail", 1)]
    [InlineData("Holdfast.Web", 2)]
    public void Rooms_only_know_the_rooms_before_them(string project, int table)
    {
        var arrows = Table("## Allowed arrows", table);
        var faults = new SortedSet<string>();
        foreach (var type in Repository.Modules[project].GetTypes())
        {
            if (Repository.Room(project, type) is not { } from)
                continue;
            Assert.True(arrows.ContainsKey(from), $"docs/ARCHITECTURE.md has no room row for {project}.{from}");
            foreach (var used in References(type))
            {
                if (Repository.Room(project, used) is { } to && to != from && !arrows[from].Contains(to))
                    faults.Add($"{type.FullName} ({from}) uses {used.FullName} ({to})");
            }
        }
        Assert.True(faults.Count == 0, string.Join('\n', faults));
    }

    /// <summary>Reads the n-th table after a heading: first column to the names in back-ticks of the second.</summary>
    private static Dictionary<string, HashSet<string>> Table(string heading, int index)
    {
        var lines = File.ReadAllLines(Path.Combine(Repository.Root, "docs/ARCHITECTURE.md"));
        var result = new Dictionary<string, HashSet<string>>(StringComparer.Ordinal);
        var at = Array.FindIndex(lines, l => l.StartsWith(heading, StringComparison.Ordinal));
        var table = -1;
        var inside = false;
        for (var i = at + 1; at >= 0 && i < lines.Length && !lines[i].StartsWith("## ", StringComparison.Ordinal); i++)
        {
            if (!lines[i].StartsWith('|'))
            {
                inside = false;
                continue;
            }
            if (!inside)
            {
                inside = true;
                table++;
            }
            var cells = lines[i].Split('|');
            if (table == index && cells.Length >= 3 && Names(cells[1]).FirstOrDefault() is { } from)
                result[from] = [.. Names(cells[2])];
        }
        Assert.NotEmpty(result);
        return result;
    }

    private static IEnumerable<string> Names(string cell) =>
        Regex.Matches(cell, "`([^`]+)`").Select(m => m.Groups[1].Value);

    private static IEnumerable<TypeReference> References(TypeDefinition type)
    {
        var found = new List<TypeReference?> { type.BaseType };
        found.AddRange(type.Interfaces.Select(i => i.InterfaceType));
        found.AddRange(type.Fields.Select(f => f.FieldType));
        foreach (var method in type.Methods)
        {
            found.Add(method.ReturnType);
            found.AddRange(method.Parameters.Select(p => p.ParameterType));
            if (!method.HasBody)
                continue;
            found.AddRange(method.Body.Variables.Select(v => v.VariableType));
            foreach (var instruction in method.Body.Instructions)
            {
                switch (instruction.Operand)
                {
                    case TypeReference t: found.Add(t); break;
                    case MethodReference m: found.Add(m.DeclaringType); found.Add(m.ReturnType); break;
                    case FieldReference f: found.Add(f.DeclaringType); found.Add(f.FieldType); break;
                }
            }
        }
        return found.OfType<TypeReference>().SelectMany(Unwrap);
    }

    private static IEnumerable<TypeReference> Unwrap(TypeReference type)
    {
        yield return type.GetElementType();
        if (type is GenericInstanceType generic)
        {
            foreach (var argument in generic.GenericArguments.SelectMany(Unwrap))
                yield return argument;
        }
    }
}
