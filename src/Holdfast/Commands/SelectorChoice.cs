using System.CommandLine;
using Holdfast.Configuration;
using Holdfast.Mail;
using Holdfast.Mail.Queue;

namespace Holdfast.Commands;

/// <summary>Which waiting messages a command is about: ids, or conditions that must all hold.</summary>
internal sealed class SelectorChoice
{
    private readonly Argument<string[]> _ids = new("ID")
    {
        Description = "Message ids", Arity = ArgumentArity.ZeroOrMore,
    };
    private readonly Option<string?> _sender = new("--sender")
    {
        Description = "Sender, * as wildcard; <> is the null sender", HelpName = "ADDRESS",
    };
    private readonly Option<string?> _recipient = new("--recipient")
    {
        Description = "Recipient, * as wildcard", HelpName = "ADDRESS",
    };
    private readonly Option<string?> _destination = new("--destination")
    {
        Description = "Recipient domain, service or site", HelpName = "NAME",
    };
    private readonly Option<TimeSpan?> _older = Duration("--older", "Accepted longer ago than this (90s, 15m, 4h, 2d)");
    private readonly Option<TimeSpan?> _younger = Duration("--younger", "Accepted more recently than this");
    private readonly Option<string?> _reason = new("--reason")
    {
        Description = "Part of the last reply or hold reason", HelpName = "TEXT",
    };
    private readonly Option<bool> _held = new("--held") { Description = "Held messages only" };
    private readonly Option<bool> _all = new("--all") { Description = "Every message" };

    public SelectorChoice(Command command)
    {
        command.Add(_ids);
        foreach (var option in new Option[]
            { _sender, _recipient, _destination, _older, _younger, _reason, _held, _all })
            command.Add(option);
        command.Validators.Add(result =>
        {
            foreach (var id in result.GetValue(_ids) ?? [])
            {
                // What isn't an option is taken for an argument.
                if (id.StartsWith('-'))
                    result.AddError($"there is no option \"{id}\"");
                else if (!MessageId.TryParse(id, out _))
                    result.AddError($"\"{id}\" is not a message id (26 letters and digits); to select by address use "
                        + "--sender or --recipient");
            }
        });
    }

    public QueueSelector Read(ParseResult parsed) => new()
    {
        All = parsed.GetValue(_all), Ids = parsed.GetValue(_ids) ?? [], Sender = parsed.GetValue(_sender),
        Recipient = parsed.GetValue(_recipient), Destination = parsed.GetValue(_destination),
        OlderThan = parsed.GetValue(_older), YoungerThan = parsed.GetValue(_younger), Reason = parsed.GetValue(_reason),
        IsHeld = parsed.GetValue(_held) ? true : null,
    };

    public static Option<TimeSpan?> Duration(string name, string description) => new(name)
    {
        Description = description, HelpName = "DURATION",
        CustomParser = result =>
        {
            var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            if (Quantity.TryParseDuration(text, out var duration))
                return duration;
            result.AddError($"{name}: \"{text}\" is not a duration; write for example 90s, 15m, 4h, 2d");
            return null;
        },
    };
}
