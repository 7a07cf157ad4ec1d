using System.Text.RegularExpressions;

namespace Holdfast.TidyTests;

public class NameTests
{
    [Fact]
    public void No_type_bears_the_name_of_a_room()
    {
        var rooms = Repository.Modules.Keys
            .SelectMany(p => Repository.Types(p).Select(t => Repository.Room(p, t)))
            .OfType<string>().ToHashSet(StringComparer.Ordinal);
        foreach (var project in Repository.Modules.Keys)
        {
            foreach (var type in Repository.Types(project).Where(t => t.DeclaringType is null))
                Assert.False(rooms.Contains(type.Name), $"{type.FullName} bears the name of a room");
        }
    }

    [Fact]
    public void No_type_is_a_grab_bag()
    {
        var bad = new Regex("(Manager|Helper|Helpers|Processor|Utils|Utility|Common)$");
        foreach (var type in Repository.Modules.Keys.SelectMany(Repository.Types))
            Assert.False(bad.IsMatch(type.Name.Split('`')[0]), $"{type.FullName}: name what it is");
    }

    [Fact]
    public void No_line_is_longer_than_120_columns()
    {
        var faults = new List<string>();
        foreach (var file in Repository.Files("src", "*.cs").Concat(Repository.Files("sim", "*.cs")))
        {
            var lines = File.ReadAllLines(file);
            for (var i = 0; i < lines.Length; i++)
            {
                if (lines[i].Length > 120)
                    faults.Add($"{Repository.Relative(file)}:{i + 1} has {lines[i].Length} columns");
            }
        }
        Assert.True(faults.Count == 0, string.Join('\n', faults));
    }

    [Fact]
    public void Log_event_ids_are_unique_and_in_their_rooms_block()
    {
        var seen = new Dictionary<int, string>();
        var faults = new List<string>();
        foreach (var type in Repository.Modules.Values.SelectMany(m => m.GetTypes()))
        {
            foreach (var method in type.Methods)
            {
                var attribute = method.CustomAttributes.FirstOrDefault(a => a.AttributeType.Name == "LoggerMessageAttribute");
                if (attribute is null)
                    continue;
                var id = attribute.Properties.Where(p => p.Name == "EventId").Select(p => (int)p.Argument.Value)
                    .Concat(attribute.ConstructorArguments.Where(a => a.Type.Name == "Int32").Select(a => (int)a.Value))
                    .FirstOrDefault();
                var where = $"{type.FullName}.{method.Name}";
                if (id == 0)
                    faults.Add($"{where} has no event id");
                else if (!seen.TryAdd(id, where))
                    faults.Add($"{where} and {seen[id]} share event id {id}");
                if (Block(type.Namespace) is { } block && (id < block || id >= block + BlockSize(block)))
                    faults.Add($"{where}: event id {id} is outside its room's block {block}");
            }
        }
        Assert.True(faults.Count == 0, string.Join('\n', faults));
    }

    private static int BlockSize(int block) => block == 1000 ? 200 : 100;

    private static int? Block(string ns) => ns switch
    {
        "Holdfast.Mail.Receive" => 2000,
        "Holdfast.Mail.Spool" => 2100,
        "Holdfast.Mail.Route" => 2200,
        "Holdfast.Mail.Deliver" => 2300,
        "Holdfast.Mail.Queue" => 2400,
        "Holdfast.Mail.Smtp" => 2500,
        "Holdfast.Mail" => 2600,
        "Holdfast.Mail.Canaries" => 2700,
        "Holdfast.Web.Accept" => 4000,
        "Holdfast.Web.Select" => 4100,
        "Holdfast.Web.Forward" => 4200,
        "Holdfast.Web" => 4300,
        "Holdfast.Web.Probes" => 4400,
        "Holdfast.Storage.Segments" => 3000,
        "Holdfast.Storage.Journal" => 3100,
        "Holdfast.Storage.Keys" => 3300,
        "Holdfast.Evidence.Records" or "Holdfast.Evidence.Views" => 3200,
        _ when ns == "Holdfast" || ns.StartsWith("Holdfast.Configuration", StringComparison.Ordinal)
            || ns.StartsWith("Holdfast.Operator", StringComparison.Ordinal)
            || ns.StartsWith("Holdfast.Commands", StringComparison.Ordinal)
            || ns.StartsWith("Holdfast.Telemetry", StringComparison.Ordinal) => 1000,
        _ => null,
    };
}
