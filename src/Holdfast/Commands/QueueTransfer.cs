using System.CommandLine;
using Holdfast.Operator;

namespace Holdfast.Commands;

/// <summary><c>queue export</c> and <c>queue import</c>: messages out of one server and into another.</summary>
internal static class QueueTransfer
{
    /// <summary>Ending of exported messages.</summary>
    public const string Extension = ".hfmsg";
    /// <summary>Put behind the name of a file that was taken in.</summary>
    private const string Imported = ".imported";

    public static Command Export()
    {
        var command = new ExampledCommand("export",
            "Write waiting messages to files, one each, with envelope and progress. They stay in the queue.",
            "holdfast queue export --destination example.com --to ./rescued",
            "holdfast queue hold --all --yes && holdfast queue export --all --to ./rescued",
            "holdfast queue export --held --to ./rescued --json | jq -r .file");
        var selector = new SelectorChoice(command);
        var to = new Option<string>("--to")
        {
            Description = "Directory for the files", HelpName = "DIR", Required = true,
        };
        var server = new ServerChoice(command);
        var json = JsonOption.Create();
        command.Add(to);
        command.Add(json);
        command.SetAction(async (parsed, abort) =>
        {
            var wanted = selector.Read(parsed);
            if (!SelectorQuery.SelectsSomething(wanted))
                throw new CommandException("say which messages to export, or --all", ExitCode.Usage);
            var directory = parsed.GetValue(to)!;
            if (File.Exists(directory))
                throw new CommandException($"--to: {directory} is a file; give a directory, new or there already",
                    ExitCode.Usage);
            using var client = server.Connect(parsed);
            Directory.CreateDirectory(directory,
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            var output = parsed.InvocationConfiguration.Output;
            var asJson = parsed.GetValue(json);
            long written = 0;
            string? next = null;
            do
            {
                var query = "/api/v1/queue" + SelectorQuery.Write(wanted, ("limit", "1000"), ("after", next));
                var page = await client.GetAsync(query, OperatorJson.Default.QueuePage, abort);
                foreach (var item in page.Messages)
                {
                    var path = Path.Combine(directory, item.Id + Extension);
                    if (!await TryWriteAsync(client, item.Id, path, abort))
                        continue;
                    written++;
                    if (asJson)
                        JsonOption.Write(output, new TransferredFile(path, item.Id, null),
                            OperatorJson.Default.TransferredFile);
                }
                next = page.Next;
            }
            while (next is not null);
            if (!asJson)
                output.WriteLine(written == 0 ? "no message matches"
                    : $"{written} {(written == 1 ? "message" : "messages")} written to {directory}");
            return written == 0 ? ExitCode.NothingMatched : ExitCode.Ok;
        });
        return command;
    }

    private static async Task<bool> TryWriteAsync(OperatorClient client, string id, string path,
        CancellationToken abort)
    {
        var partial = path + ".part";
        try
        {
            await using (var file = new FileStream(partial, new FileStreamOptions
            {
                Mode = FileMode.Create, Access = FileAccess.Write, Options = FileOptions.Asynchronous,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }))
            {
                await client.DownloadAsync($"/api/v1/queue/{id}/content", file, abort);
                file.Flush(flushToDisk: true);
            }
            File.Move(partial, path, overwrite: true);
            return true;
        }
        catch (CommandException e) when (e.ExitCode == ExitCode.NothingMatched)
        {
            // Delivered since it was listed.
            File.Delete(partial);
            return false;
        }
    }

    public static Command Import()
    {
        var command = new ExampledCommand("import",
            "Take exported messages in, each under a new id. Files that were taken in are named with .imported after.",
            "holdfast queue import rescued/*.hfmsg", "holdfast queue import rescued/*.hfmsg --json | jq -r .id");
        var files = new Argument<string[]>("FILE")
        {
            Description = "Exported messages", Arity = ArgumentArity.OneOrMore,
        };
        var server = new ServerChoice(command);
        var json = JsonOption.Create();
        command.Add(files);
        command.Add(json);
        command.SetAction(async (parsed, abort) =>
        {
            using var client = server.Connect(parsed);
            var output = parsed.InvocationConfiguration.Output;
            var asJson = parsed.GetValue(json);
            var failed = 0;
            foreach (var path in parsed.GetValue(files)!)
            {
                try
                {
                    // A second "import DIR/*" would deliver everything twice.
                    if (path.EndsWith(Imported, StringComparison.Ordinal))
                        throw new IOException(
                            $"it was taken in already; without {Imported} in its name it may be again");
                    await using var file = File.OpenRead(path);
                    using var body = new StreamContent(file);
                    var imported = await client.PostAsync("/api/v1/queue/import", body,
                        OperatorJson.Default.ImportedMessage, abort);
                    // So that a command given twice doesn't deliver twice.
                    File.Move(path, path + Imported, overwrite: true);
                    if (asJson)
                        JsonOption.Write(output, new TransferredFile(path, imported.Id, null),
                            OperatorJson.Default.TransferredFile);
                    else
                        output.WriteLine($"{path}: {imported.Id}");
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException
                    or CommandException { ExitCode: not ExitCode.ServerNotReachable })
                {
                    failed++;
                    var why = e switch
                    {
                        FileNotFoundException or DirectoryNotFoundException => "there is no such file",
                        _ when Directory.Exists(path) => "it is a directory: name the files in it, *.hfmsg",
                        UnauthorizedAccessException => "it may not be read, or not be renamed after",
                        _ => e.Message,
                    };
                    if (asJson)
                        JsonOption.Write(output, new TransferredFile(path, null, why),
                            OperatorJson.Default.TransferredFile);
                    else
                        parsed.InvocationConfiguration.Error.WriteLine($"{path}: {why}");
                }
            }
            return failed == 0 ? ExitCode.Ok : ExitCode.Failed;
        });
        return command;
    }
}
