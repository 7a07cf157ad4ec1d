using System.CommandLine;
using System.Globalization;
using System.Net.Http.Json;
using Holdfast.Mail.Queue;
using Holdfast.Operator;

namespace Holdfast.Commands;

/// <summary>Acts on waiting mail: count first, then ask, then do.</summary>
internal static class QueueActCommand
{
    /// <summary>Most messages that a dry run lists; it counts all.</summary>
    private const int ListedMax = 20;

    public static Command Create(QueueActKind act, string description, string example)
    {
        var verb = act.ToString().ToLowerInvariant();
        var command = new ExampledCommand(verb, description, example, $"holdfast queue {verb} --all --dry-run");
        var selector = new SelectorChoice(command);
        var because = new Option<string?>("--because")
        {
            Description = "Why, for the evidence and the message's hold reason", HelpName = "TEXT",
        };
        var dryRun = new Option<bool>("--dry-run", "-n")
        {
            Description = $"Count what is meant and list the first {ListedMax}; change nothing",
        };
        var yes = new Option<bool>("--yes", "-y") { Description = "Don't ask" };
        var json = JsonOption.Create();
        command.Add(because);
        command.Add(dryRun);
        command.Add(yes);
        var server = new ServerChoice(command);
        command.Add(json);
        command.SetAction(async (parsed, abort) =>
        {
            var output = parsed.InvocationConfiguration.Output;
            var error = parsed.InvocationConfiguration.Error;
            var wanted = selector.Read(parsed);
            if (!SelectorQuery.SelectsSomething(wanted))
                throw new CommandException($"say which messages to {verb}: ids, --sender, --recipient, --destination, "
                    + "--older, --younger, --reason, --held, or --all", ExitCode.Usage);
            using var client = server.Connect(parsed);
            var count = await client.GetAsync("/api/v1/queue/count" + SelectorQuery.Write(wanted),
                OperatorJson.Default.QueueCount, abort);
            var asJson = parsed.GetValue(json);
            if (count.Matched == 0 || parsed.GetValue(dryRun))
            {
                var meant = count.Matched == 0 ? [] : (await client.GetAsync("/api/v1/queue" + SelectorQuery.Write(
                    wanted, ("limit", ListedMax.ToString(CultureInfo.InvariantCulture))),
                    OperatorJson.Default.QueuePage, abort)).Messages;
                if (asJson)
                    JsonOption.Write(output, new QueueDryRun(count.Matched, meant), OperatorJson.Default.QueueDryRun);
                else
                    WriteDryRun(output, verb, count.Matched, meant);
                return count.Matched == 0 ? ExitCode.NothingMatched : ExitCode.Ok;
            }
            if (!parsed.GetValue(yes) && !Confirmation.Asked(error, $"{verb} {Messages(count.Matched)}?"))
            {
                error.WriteLine("nothing was changed");
                return ExitCode.NotConfirmed;
            }
            using var body = JsonContent.Create(new QueueActRequest(act, wanted, parsed.GetValue(because)),
                OperatorJson.Default.QueueActRequest);
            var result = await client.PostAsync("/api/v1/queue/act", body, OperatorJson.Default.QueueActResult, abort);
            if (asJson)
            {
                JsonOption.Write(output, result, OperatorJson.Default.QueueActResult);
            }
            else
            {
                output.WriteLine($"{verb}: {Messages(result.Changed)} of {result.Matched} changed");
                foreach (var note in result.Notes)
                    output.WriteLine("  " + Terminal.Printable(note));
            }
            return result.Matched == 0 ? ExitCode.NothingMatched : ExitCode.Ok;
        });
        return command;
    }

    private static void WriteDryRun(TextWriter output, string verb, long matched, IReadOnlyList<QueueItem> meant)
    {
        if (matched == 0)
        {
            output.WriteLine("no message matches");
            return;
        }
        QueueCommand.WriteItems(output, meant);
        if (matched > meant.Count)
            output.WriteLine($"… and {Messages(matched - meant.Count)} more: holdfast queue list --limit 0 with the "
                + "same selector");
        output.WriteLine($"{verb} would be for {Messages(matched)}; nothing was changed");
    }

    private static string Messages(long count) =>
        count == 1 ? "1 message" : count.ToString(CultureInfo.InvariantCulture) + " messages";
}
