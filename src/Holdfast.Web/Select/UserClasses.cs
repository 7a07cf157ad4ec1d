using Microsoft.Extensions.Primitives;

namespace Holdfast.Web.Select;

/// <summary>Which priority the classes of a signed-in user give.</summary>
/// <remarks>We sign nobody in and check no tokens: a proxy that does says the classes in a header, which is removed
/// when anybody else says it. A list is read as far as its first 64 classes.</remarks>
internal sealed class UserClasses
{
    public const int ClassesMax = 1000;
    private const int ReadMax = 64;
    private readonly Dictionary<string, byte> _priorities = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, byte>.AlternateLookup<ReadOnlySpan<char>> _lookup;

    public UserClasses(IEnumerable<WebClassOptions> classes)
    {
        foreach (var one in classes)
            _priorities.TryAdd(one.Name, (byte)one.Priority);
        _lookup = _priorities.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    public static UserClasses None { get; } = new([]);

    /// <summary>That of the most important class that is known; <paramref name="otherwise"/> if none is.</summary>
    /// <param name="fields">Values of the header, each a list by commas.</param>
    public byte PriorityOf(StringValues fields, byte otherwise)
    {
        byte? best = null;
        var left = ReadMax;
        foreach (var field in fields)
        {
            var rest = field.AsSpan();
            while (!rest.IsEmpty && left-- > 0)
            {
                var comma = rest.IndexOf(',');
                var name = (comma < 0 ? rest : rest[..comma]).Trim();
                rest = comma < 0 ? default : rest[(comma + 1)..];
                if (_lookup.TryGetValue(name, out var priority) && !(best <= priority))
                    best = priority;
            }
        }
        return best ?? otherwise;
    }
}
