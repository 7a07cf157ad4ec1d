using System.CommandLine;
using System.Text;
using System.Text.Json;
using Holdfast.Mail.Receive;

namespace Holdfast.Commands;

/// <summary><c>holdfast user</c>: who may sign in on submission listeners.</summary>
internal static class UserCommand
{
    public static Command Create()
    {
        var command = new ExampledCommand("user", "Edit the file of those who may sign in on submission listeners.",
            "holdfast user add ann@example.com --file /etc/holdfast/users",
            "holdfast user list --file /etc/holdfast/users");
        command.Add(Add());
        command.Add(List());
        command.Add(Remove());
        return command;
    }

    private static Option<string> FileOption() => new("--file", "-f")
    {
        Description = "The file that Holdfast:Mail:Receive:UsersFile names", HelpName = "FILE", Required = true,
    };

    private static Argument<string> NameArgument()
    {
        var name = new Argument<string>("NAME") { Description = "Name to sign in with, as a rule the mail address" };
        name.Validators.Add(result =>
        {
            var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            if (text.Length is 0 or > 255 || text.Any(c => char.IsControl(c) || c is ':' or '{' or '#' or ' '))
                result.AddError("a name has 1 to 255 characters, none of them a colon, brace, # or blank");
        });
        return name;
    }

    private static ExampledCommand Add()
    {
        var command = new ExampledCommand("add",
            "Add a user, or give one a new password. The password is read from the terminal or standard input; "
            + "only its hash is stored.",
            "holdfast user add ann@example.com --file /etc/holdfast/users",
            "printf '%s' \"$PASSWORD\" | holdfast user add scanner@example.com --file /etc/holdfast/users");
        var name = NameArgument();
        var file = FileOption();
        command.Add(name);
        command.Add(file);
        command.SetAction(parsed =>
        {
            var user = parsed.GetValue(name)!;
            var path = parsed.GetValue(file)!;
            var password = ReadPassword(parsed.InvocationConfiguration.Error);
            if (password.Length is 0 or > PasswordHash.PasswordLengthMax)
                throw new CommandException($"a password has 1 to {PasswordHash.PasswordLengthMax} characters",
                    ExitCode.Usage);
            var lines = UserFile.ReadText(path);
            var isNew = !lines.Any(l => Is(UserFile.NameOf(l), user));
            UserFile.Write(path, UserFile.With(lines, user, PasswordHash.CreateLine(user, password)));
            parsed.InvocationConfiguration.Output.WriteLine(isNew ? $"{user} added" : $"{user} has a new password");
            return ExitCode.Ok;
        });
        return command;
    }

    private static ExampledCommand List()
    {
        var command = new ExampledCommand("list", "List the users of a file.",
            "holdfast user list --file /etc/holdfast/users");
        var file = FileOption();
        var json = JsonOption.Create();
        command.Add(file);
        command.Add(json);
        command.SetAction(parsed =>
        {
            var path = parsed.GetValue(file)!;
            if (!File.Exists(path))
                throw new CommandException($"{path} doesn't exist; make it with: holdfast user add", ExitCode.Failed);
            var lines = UserFile.ReadText(path);
            var faulty = UserFile.FaultyLines(lines);
            string[] names = [.. lines.Where((_, i) => !faulty.Contains(i + 1)).Select(UserFile.NameOf)
                .OfType<string>()];
            if (names.Length == 0 && faulty.Count > 0)
                throw new CommandException($"{path} is no users file: line {faulty[0]} is neither name:hash nor a JSON "
                    + "object with \"user\"", ExitCode.Failed);
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json))
            {
                output.WriteLine(JsonSerializer.Serialize(names, CheckJson.Default.StringArray));
            }
            else
            {
                foreach (var name in names)
                    output.WriteLine(Terminal.Printable(name));
            }
            if (faulty.Count == 0)
                return ExitCode.Ok;
            parsed.InvocationConfiguration.Error.WriteLine($"holdfast: {path}: the server refuses this file: no user "
                + $"stands in line {string.Join(", ", faulty.Take(10))}{(faulty.Count > 10 ? " …" : "")}");
            return ExitCode.Failed;
        });
        return command;
    }

    private static ExampledCommand Remove()
    {
        var command = new ExampledCommand("remove", "Remove a user.",
            "holdfast user remove ann@example.com --file /etc/holdfast/users");
        var name = NameArgument();
        var file = FileOption();
        command.Add(name);
        command.Add(file);
        command.SetAction(parsed =>
        {
            var user = parsed.GetValue(name)!;
            var path = parsed.GetValue(file)!;
            var left = UserFile.Without(UserFile.ReadText(path), user, out var at);
            if (at is null)
                throw new CommandException($"there is no user {user} in {path}", ExitCode.NothingMatched);
            UserFile.Write(path, left);
            parsed.InvocationConfiguration.Output.WriteLine($"{user} removed");
            return ExitCode.Ok;
        });
        return command;
    }

    private static bool Is(string? a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);

    /// <summary>From a terminal without showing it; from a pipe up to the first line end.</summary>
    private static string ReadPassword(TextWriter error)
    {
        if (Console.IsInputRedirected)
        {
            var piped = new StringBuilder();
            while (piped.Length <= PasswordHash.PasswordLengthMax && Console.In.Read() is >= 0 and var c
                && c is not ('\n' or '\r'))
                piped.Append((char)c);
            return piped.ToString();
        }
        var first = Ask("Password: ");
        if (Ask("Again:    ") != first)
            throw new CommandException("the two differ; nothing was changed", ExitCode.NotConfirmed);
        return first;

        string Ask(string prompt)
        {
            error.Write(prompt);
            var typed = new StringBuilder();
            while (true)
            {
                var key = Console.ReadKey(intercept: true);
                if (key.Key == ConsoleKey.Enter)
                    break;
                if (key.Key == ConsoleKey.Backspace && typed.Length > 0)
                    typed.Length--;
                else if (!char.IsControl(key.KeyChar) && typed.Length <= PasswordHash.PasswordLengthMax)
                    typed.Append(key.KeyChar);
            }
            error.WriteLine();
            return typed.ToString();
        }
    }
}
