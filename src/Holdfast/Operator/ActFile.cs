using System.Text.Json;
using System.Text.Json.Serialization;
using Holdfast.Storage.Disk;
using Holdfast.Traffic.Acts;

namespace Holdfast.Operator;

/// <summary>An act as it stands in the data directory.</summary>
/// <param name="Until">When it ends, by the wall clock.</param>
internal sealed record StoredAct(
    ActKind Kind, ActScope Scope, string Name, double Weight, DateTimeOffset Until, string Actor, string Reason);

/// <summary>Keeps operators' acts over a restart: a site that was drained for maintenance stays drained.</summary>
/// <remarks>Written beside, synced, renamed, the directory synced. A file that can't be read is said and left: acts are
/// then lost, mail never waits for it.</remarks>
internal sealed class ActFile(IDisk disk)
{
    public const string Name = "acts.json";
    /// <summary>More than any operator does by hand.</summary>
    public const int BytesMax = 1 << 20;
    private const string NewName = "acts.new";

    /// <exception cref="DiskException">The disk refused; the file before stands.</exception>
    public void Write(IReadOnlyList<StoredAct> acts)
    {
        if (disk.Exists(NewName))
            disk.Delete(NewName);
        using (var file = disk.Open(NewName, DiskOpenMode.CreateNew))
        {
            file.Write(0, JsonSerializer.SerializeToUtf8Bytes(acts, ActFileJson.Default.IReadOnlyListStoredAct));
            file.SyncData();
        }
        disk.Rename(NewName, Name);
        disk.SyncDirectory("");
    }

    /// <summary>What was written last; empty when nothing was.</summary>
    /// <exception cref="DiskException">It can't be read.</exception>
    /// <exception cref="JsonException">It isn't what <see cref="Write"/> writes.</exception>
    public IReadOnlyList<StoredAct> Read()
    {
        if (!disk.Exists(Name))
            return [];
        using var file = disk.Open(Name, DiskOpenMode.OpenExisting);
        if (file.Length > BytesMax)
            throw new JsonException($"{Name} has {file.Length} bytes; at most {BytesMax} make sense");
        var bytes = new byte[file.Length];
        var read = file.Read(0, bytes);
        var acts = JsonSerializer.Deserialize(bytes.AsSpan(0, read), ActFileJson.Default.IReadOnlyListStoredAct) ?? [];
        return acts.Any(a => a?.Name is null) ? throw new JsonException($"{Name} has an empty entry") : acts;
    }
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, UseStringEnumConverter = true, WriteIndented = true)]
[JsonSerializable(typeof(IReadOnlyList<StoredAct>))]
internal sealed partial class ActFileJson : JsonSerializerContext;
