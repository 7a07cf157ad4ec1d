using System.CommandLine;
using System.Globalization;
using Holdfast.Configuration;
using Holdfast.Evidence.Views;
using Holdfast.Mail;
using Holdfast.Operator;
using Holdfast.Storage.Disk;

namespace Holdfast.Commands;

/// <summary><c>holdfast trace ID|ADDRESS</c>: a message's whole life, also after it ended.</summary>
internal static class TraceCommand
{
    public static Command Create()
    {
        var command = new ExampledCommand("trace",
            "Tell a message's whole life from the evidence, also after it was delivered: by its id, or all messages "
            + "from or to an address.",
            "holdfast trace 01KFXW3E4H0000000000000042",
            "holdfast trace ann@example.com --since 2h",
            "holdfast trace ann@example.com --since 1d --json | jq -r '.messages[].summary'");
        var what = new Argument<string>("ID|ADDRESS")
        {
            Description = "Message id, or a sender's or recipient's address",
        };
        var since = SelectorChoice.Duration("--since", "Only what happened in the last 90s, 15m, 4h, 2d …");
        var limit = new Option<int>("--limit")
        {
            Description = "Most messages, the newest", HelpName = "N",
            DefaultValueFactory = _ => OperatorEndpoints.TraceDefault,
        };
        limit.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > OperatorEndpoints.TraceMax)
                result.AddError($"--limit: a whole number from 1 to {OperatorEndpoints.TraceMax}");
        });
        command.Add(what);
        command.Add(since);
        command.Add(limit);
        var server = new ServerChoice(command);
        var json = JsonOption.Create();
        command.Add(json);
        command.SetAction(async (parsed, abort) =>
        {
            var trace = await FindAsync(server, parsed, parsed.GetValue(what)!, parsed.GetValue(since),
                parsed.GetValue(limit), abort);
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json))
                JsonOption.Write(output, trace, OperatorJson.Default.TraceView);
            else
                Write(output, trace);
            return trace.Messages.Count == 0 ? ExitCode.NothingMatched : ExitCode.Ok;
        });
        return command;
    }

    /// <summary>Asks the server, which knows also what it hasn't written yet; without one, reads the evidence of the
    /// data directory given.</summary>
    private static async Task<TraceView> FindAsync(ServerChoice server, ParseResult parsed, string wanted,
        TimeSpan? since, int limit, CancellationToken abort)
    {
        var query = MessageId.TryParse(wanted, out var id) ? $"/api/v1/trace/{id}?"
            : "/api/v1/trace" + QueryString.Create("address", wanted) + "&";
        query += "limit=" + limit.ToString(CultureInfo.InvariantCulture);
        if (since is { } age)
            query += "&since=" + Quantity.Describe(age);
        try
        {
            using var client = server.Connect(parsed);
            return await client.GetAsync(query, OperatorJson.Default.TraceView, abort);
        }
        catch (CommandException e) when (e.ExitCode == ExitCode.ServerNotReachable
            && server.DataDirectory(parsed) is { } data && Directory.Exists(Path.Combine(data, "evidence")))
        {
            await parsed.InvocationConfiguration.Error.WriteLineAsync($"no server; reading the evidence in {data}");
            using var disk = new PosixDisk(data);
            DateTimeOffset? from = since is { TotalDays: < 36_500 } back
                ? TimeProvider.System.GetUtcNow() - back : null;
            return await TraceView.OfAsync(
                new MessageTrace(disk).FindAsync(new TraceQuery(wanted, from, null, limit + 1), abort), limit, abort);
        }
    }

    internal static void Write(TextWriter output, TraceView trace)
    {
        if (trace.Messages.Count == 0)
        {
            output.WriteLine("nothing is known of it: give a whole message id or address; evidence is kept for "
                + "Holdfast:Evidence:KeepFor");
            return;
        }
        // One message with every step; of several a line each.
        if (trace.Messages is [var only])
        {
            output.WriteLine($"{only.Id ?? "no message"}: {Terminal.Printable(only.Summary)}");
            Terminal.WriteTable(output, ["Time", "After", "What", "In words"], [.. only.Steps.Select(s =>
                (IReadOnlyList<Cell>)[Moment.Of(s.At), Quantity.Roughly(TimeSpan.FromSeconds(s.AfterSeconds)),
                    Cell.State(s.Kind), s.Text])]);
            if (only.IsCut)
                output.WriteLine("… the middle of a long story is left out");
            if (only.Now is { } now)
                output.WriteLine($"now: {Terminal.Printable(now)}");
            return;
        }
        Terminal.WriteTable(output, ["Message", "First seen", "State", "Summary"], [.. trace.Messages.Select(m =>
            (IReadOnlyList<Cell>)[m.Id ?? "-", Moment.Of(m.FirstAt), Cell.State(m.State),
                m.Now is { } now ? $"{m.Summary}; now: {now}" : m.Summary])]);
        output.WriteLine(trace.HasMore ? "… and more; raise --limit or narrow with --since"
            : "every step of one: holdfast trace ID");
    }
}
