using System.CommandLine;
using System.Globalization;
using System.Net.Http.Json;
using Holdfast.Configuration;
using Holdfast.Mail;
using Holdfast.Mail.Queue;
using Holdfast.Operator;

namespace Holdfast.Commands;

/// <summary><c>holdfast queue</c>: look at waiting mail and act on it.</summary>
internal static class QueueCommand
{
    public static Command Create()
    {
        var command = new ExampledCommand("queue", "Look at waiting mail and act on it.",
            "holdfast queue shape", "holdfast queue list --destination example.com --older 4h",
            "holdfast queue retry --reason \"451 4.3.2\" --dry-run");
        command.Add(List());
        command.Add(Show());
        command.Add(Shape());
        command.Add(QueueActCommand.Create(QueueActKind.Retry, "Try messages now, whatever their retry time says.",
            "holdfast queue retry --destination example.com"));
        command.Add(QueueActCommand.Create(QueueActKind.Hold, "Hold messages: they aren't tried until released.",
            "holdfast queue hold --sender '*@example.net' --because \"phishing report 17\""));
        command.Add(QueueActCommand.Create(QueueActKind.Release, "Release held messages.",
            "holdfast queue release --held --all"));
        command.Add(QueueActCommand.Create(QueueActKind.Remove, "Remove messages without notice to the sender.",
            "holdfast queue remove 01KFXW3E4H0000000000000042 --yes"));
        command.Add(QueueActCommand.Create(QueueActKind.Expire, "End messages now with a failure notice to the sender.",
            "holdfast queue expire --older 3d --destination example.org"));
        command.Add(QueueTransfer.Export());
        command.Add(QueueTransfer.Import());
        return command;
    }

    private static ExampledCommand List()
    {
        var command = new ExampledCommand("list", "List waiting messages, oldest first.",
            "holdfast queue list", "holdfast queue list --recipient '*@example.com' --older 1h --limit 20 --json");
        var selector = new SelectorChoice(command);
        var limit = new Option<int>("--limit")
        {
            Description = "Most messages to list (0: all of them)", HelpName = "N", DefaultValueFactory = _ => 100,
        };
        limit.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !int.TryParse(result.Tokens[0].Value, NumberStyles.None,
                    CultureInfo.InvariantCulture, out _))
                result.AddError("--limit: a whole number; 0 lists all");
        });
        var server = new ServerChoice(command);
        var json = JsonOption.Create();
        command.Add(limit);
        command.Add(json);
        command.SetAction(async (parsed, abort) =>
        {
            using var client = server.Connect(parsed);
            var output = parsed.InvocationConfiguration.Output;
            var wanted = selector.Read(parsed);
            var most = parsed.GetValue(limit) is > 0 and var n ? n : int.MaxValue;
            var asJson = parsed.GetValue(json);
            var items = new List<QueueItem>();
            var count = 0;
            string? next = null;
            do
            {
                var size = Math.Min(OperatorEndpoints.PageMax, most - count);
                var path = "/api/v1/queue" + SelectorQuery.Write(wanted,
                    ("limit", size.ToString(CultureInfo.InvariantCulture)), ("after", next));
                var page = await client.GetAsync(path, OperatorJson.Default.QueuePage, abort);
                count += page.Messages.Count;
                next = page.Next;
                // JSON goes out page by page, one object a line: a million messages need no memory.
                if (asJson)
                {
                    foreach (var item in page.Messages)
                        JsonOption.Write(output, item, OperatorJson.Default.QueueItem);
                }
                else
                {
                    items.AddRange(page.Messages);
                }
            }
            while (next is not null && count < most);
            if (!asJson && items.Count > 0)
            {
                WriteItems(output, items);
                if (next is not null)
                    output.WriteLine($"… and more; --limit 0 lists all");
            }
            if (count == 0 && !asJson)
                output.WriteLine(SelectorQuery.HasCondition(wanted) ? "no message matches" : "the queue is empty");
            return count == 0 && SelectorQuery.HasCondition(wanted) ? ExitCode.NothingMatched : ExitCode.Ok;
        });
        return command;
    }

    internal static void WriteItems(TextWriter output, IReadOnlyList<QueueItem> items)
    {
        var notes = new Footnotes(items.Select(i => i.Why));
        Terminal.WriteTable(output,
            ["Id", "Accepted", "Size", "State", "Sender", "Recipients", "Tries", "Next try", "Why"],
            [.. items.Select(i => (IReadOnlyList<Cell>)
            [
                i.Id, Moment.Of(i.ReceivedAt), Quantity.Bytes(i.SizeBytes), Cell.State(i.State.ToString()),
                i.Sender.Length == 0 ? "<>" : i.Sender,
                i.Recipients.Count <= 1 ? string.Concat(i.Recipients)
                    : $"{i.Recipients[0]} and {i.Recipients.Count - 1} more",
                i.Attempts.ToString(CultureInfo.InvariantCulture), Moment.Of(i.NextAttemptAt), notes.InRow(i.Why),
            ])]);
        notes.Write(output);
    }

    private static ExampledCommand Show()
    {
        var command = new ExampledCommand("show",
            "Show one waiting message: where it is, why each recipient waits and when it is next tried, every attempt "
            + "with its reply.",
            "holdfast queue show 01KFXW3E4H0000000000000042");
        var id = new Argument<string>("ID") { Description = "Message id" };
        id.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !MessageId.TryParse(result.Tokens[0].Value, out _))
                result.AddError($"\"{result.Tokens[0].Value}\" is not a message id (26 letters and digits)");
        });
        command.Add(id);
        var server = new ServerChoice(command);
        var json = JsonOption.Create();
        command.Add(json);
        command.SetAction(async (parsed, abort) =>
        {
            using var client = server.Connect(parsed);
            var message = await client.GetAsync($"/api/v1/queue/{parsed.GetValue(id)}",
                OperatorJson.Default.QueueDetail, abort);
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json))
                JsonOption.Write(output, message, OperatorJson.Default.QueueDetail);
            else
                WriteDetail(output, message);
            return ExitCode.Ok;
        });
        return command;
    }

    private static void WriteDetail(TextWriter output, QueueDetail message)
    {
        (string Name, string Value)[] facts =
        [
            ("id", message.Id), ("accepted", Moment.Of(message.ReceivedAt)), ("expires", Moment.Of(message.ExpiresAt)),
            ("sender", message.Sender.Length == 0 ? "<> (null sender)" : message.Sender),
            ("size", Quantity.Bytes(message.SizeBytes)),
            ("priority", message.Priority.ToString(CultureInfo.InvariantCulture)),
            ("came by", $"{message.Listener} from {message.ClientAddress}"
                + (message.AuthenticatedAs is { } user ? $" as {user}" : "")),
            ("stored at", message.StoredAt),
        ];
        foreach (var (name, value) in facts)
            output.WriteLine($"{name,-10} {Terminal.Printable(value)}");
        if (message.IsHeld)
            output.WriteLine($"{"held",-10} {Terminal.Printable(message.HoldReason ?? "no reason given")}");
        output.WriteLine();
        var notes = new Footnotes(message.Recipients.Select(r => r.Why));
        Terminal.WriteTable(output, ["Recipient", "State", "Destination", "Tries", "Next try", "Why"],
            [.. message.Recipients.Select(r => (IReadOnlyList<Cell>)
            [
                r.Address, Cell.State(r.State), r.Destination,
                r.UnknownOutcomes > 0 ? $"{r.Attempts} ({r.UnknownOutcomes} unknown)"
                    : r.Attempts.ToString(CultureInfo.InvariantCulture),
                Moment.Of(r.NextAttemptAt), notes.InRow(r.Why),
            ])]);
        notes.Write(output);
        WriteAttempts(output, message);
    }

    private static void WriteAttempts(TextWriter output, QueueDetail message)
    {
        output.WriteLine();
        if (message.Attempts.Count == 0)
        {
            // Evidence has a bound of its own; the queue still knows the last attempt.
            foreach (var last in message.Recipients.Where(r => r.LastAttemptAt is not null))
                output.WriteLine(Terminal.Printable($"{last.Address} was last tried {Moment.Of(last.LastAttemptAt)} at "
                    + $"{last.LastTarget ?? "no target"}: {last.LastReply ?? "no reply"}; the attempts before are no "
                    + "longer in the evidence"));
            if (message.Recipients.All(r => r.LastAttemptAt is null))
                output.WriteLine("no attempt has ended yet");
            return;
        }
        var many = message.Recipients.Count > 1;
        Terminal.WriteTable(output, [.. many ? ["Recipient"] : Array.Empty<string>(), "Attempt", "Outcome", "Site",
            "Target", "Reply"], [.. message.Attempts.Select(a => (IReadOnlyList<Cell>)
        [
            .. many ? [a.Recipient ?? "all"] : Array.Empty<Cell>(), Moment.Of(a.At), Cell.State(a.Outcome),
            a.Site ?? "-", a.Target ?? "-", a.Reply ?? a.Reason ?? "-",
        ])]);
        if (message.AreAttemptsCut)
            output.WriteLine("… and more in between; the evidence files have every one");
    }

    private static ExampledCommand Shape()
    {
        var command = new ExampledCommand("shape", "Show how many messages wait, by age and destination.",
            "holdfast queue shape", "holdfast queue shape --json");
        var server = new ServerChoice(command);
        var json = JsonOption.Create();
        command.Add(json);
        command.SetAction(async (parsed, abort) =>
        {
            using var client = server.Connect(parsed);
            var shape = await client.GetAsync("/api/v1/queue/shape", OperatorJson.Default.QueueShape, abort);
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json))
            {
                JsonOption.Write(output, shape, OperatorJson.Default.QueueShape);
                return ExitCode.Ok;
            }
            if (shape.Rows.Count == 0)
            {
                output.WriteLine("the queue is empty");
                return ExitCode.Ok;
            }
            string[] bounds = [.. shape.AgeBoundsMinutes.Select(m => Quantity.Describe(TimeSpan.FromMinutes(m)))];
            string[] headers = ["Destination", "Total", .. bounds.Select(b => "≤ " + b),
                .. bounds.Length > 0 ? [$"> {bounds[^1]}"] : Array.Empty<string>(), "Why"];
            Terminal.WriteTable(output, headers, [.. shape.Rows.Select(r => (IReadOnlyList<Cell>)
                [r.Destination, Number(r.Total), .. Enumerable.Range(0, headers.Length - 3)
                    .Select(i => Cell.Of(i < r.Counts.Count ? Number(r.Counts[i]) : "")), r.Why])]);
            return ExitCode.Ok;
        });
        return command;

        static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
    }
}
