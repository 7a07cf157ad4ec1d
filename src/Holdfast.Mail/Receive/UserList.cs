using System.Text.Json;
using System.Text.Json.Serialization;

namespace Holdfast.Mail.Receive;

/// <summary>Someone who may sign in on a submission listener.</summary>
/// <param name="Senders">Addresses, or <c>@domain</c>, that the user may send as.</param>
/// <param name="Priority">Priority of the user's mail, or null for the listener's.</param>
internal sealed record MailUser(string Name, string Hash, RecipientDirectory Senders, byte? Priority);

/// <summary>The users file: a line each, <c>name:hash</c> or a JSON object.</summary>
internal sealed class UserList
{
    private readonly Dictionary<string, MailUser> _users = new(StringComparer.OrdinalIgnoreCase);

    public static UserList Empty { get; } = new();

    public int Count => _users.Count;

    public MailUser? Find(string name) => _users.GetValueOrDefault(name);

    /// <exception cref="FormatException">Says which line, never what the hash is.</exception>
    public static UserList Parse(ReadOnlyMemory<byte> text)
    {
        var list = new UserList();
        foreach (var (number, line) in TextLines.Of(text))
        {
            var user = line.StartsWith('{') ? FromJson(number, line) : FromPair(number, line);
            if (!PasswordHash.IsHash(user.Hash))
                throw new FormatException($"line {number}: the hash of '{user.Name}' is in no known form");
            if (!list._users.TryAdd(user.Name, user))
                throw new FormatException($"line {number}: user '{user.Name}' stands there twice");
        }
        return list;
    }

    private static MailUser FromPair(int number, string line)
    {
        var colon = line.IndexOf(':');
        if (colon <= 0)
            throw new FormatException($"line {number}: expected name:hash or a JSON object");
        return Make(number, line[..colon], line[(colon + 1)..], [], null);
    }

    private static MailUser FromJson(int number, string line)
    {
        try
        {
            var entry = JsonSerializer.Deserialize(line, UserJson.Default.UserEntry);
            if (entry is not { User.Length: > 0, Hash.Length: > 0 } || entry.Priority is < 0 or > 5)
                throw new FormatException($"line {number}: needs \"user\" and \"hash\"; \"priority\" is 0 to 5");
            return Make(number, entry.User, entry.Hash, entry.Senders ?? [], (byte?)entry.Priority);
        }
        catch (JsonException)
        {
            throw new FormatException($"line {number}: is no valid JSON object");
        }
    }

    private static MailUser Make(int number, string name, string hash, string[] senders, byte? priority)
    {
        // Without a list of senders a user sends as itself only (RFC 6409 §6.1).
        var own = senders.Length > 0 ? senders : name.Contains('@') ? [name] : [];
        try
        {
            return new MailUser(name, hash, RecipientDirectory.Of(own), priority);
        }
        catch (FormatException e)
        {
            throw new FormatException($"line {number}: {e.Message}");
        }
    }
}

internal sealed class UserEntry
{
    public string User { get; set; } = "";
    public string Hash { get; set; } = "";
    public string[]? Senders { get; set; }
    public int? Priority { get; set; }
}

[JsonSourceGenerationOptions(PropertyNameCaseInsensitive = true)]
[JsonSerializable(typeof(UserEntry))]
internal sealed partial class UserJson : JsonSerializerContext;
