using System.CommandLine;
using Holdfast.Commands;

namespace Holdfast.Tests.Commands;

public class CommandTreeTests
{
    private static async Task<(int Code, string Output, string Error)> Run(params string[] args)
    {
        var output = new StringWriter();
        var error = new StringWriter();
        var code = await CommandTree.InvokeAsync(args, output, error);
        return (code, output.ToString(), error.ToString());
    }

    public static TheoryData<string> AllCommands()
    {
        var data = new TheoryData<string>();
        Walk(CommandTree.Build(), "");
        return data;

        void Walk(Command command, string path)
        {
            data.Add(path);
            foreach (var child in command.Subcommands)
                Walk(child, (path + " " + child.Name).Trim());
        }
    }

    [Theory]
    [MemberData(nameof(AllCommands))]
    public async Task Every_command_explains_itself_with_an_example(string path)
    {
        var (code, output, _) = await Run([.. path.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);
        Assert.Equal(ExitCode.Ok, code);
        Assert.Contains("Example", output, StringComparison.Ordinal);
        Assert.Contains("  holdfast " + path, output, StringComparison.Ordinal);
        Assert.Contains("Exit codes:", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("route", "nonsense")]
    [InlineData("route", "ann@")]
    [InlineData("queue", "list", "--limit", "-3")]
    public async Task What_makes_no_sense_is_said_before_a_server_is_asked(params string[] args)
    {
        var (code, _, error) = await Run(args);
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains("holdfast: ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_misspelt_option_is_not_called_a_bad_message_id()
    {
        var (code, _, error) = await Run("queue", "export", "--all", "--to", "x", "--oder", "1h");
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains("there is no option \"--oder\"", error, StringComparison.Ordinal);
        Assert.DoesNotContain("\"--oder\" is not a message id", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/nonexistent/a.hfmsg", "there is no such file")]
    [InlineData("/", "it is a directory: name the files in it, *.hfmsg")]
    [InlineData("/nonexistent/a.hfmsg.imported", "it was taken in already")]
    public async Task A_file_that_cannot_be_imported_is_named_with_the_reason(string file, string words)
    {
        var (code, _, error) = await Run("queue", "import", file, "--socket", "/nonexistent/holdfast.sock");
        Assert.Equal(ExitCode.Failed, code);
        Assert.StartsWith($"{file}: {words}", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task To_export_onto_a_file_is_a_usage_error_before_a_server_is_asked()
    {
        var (code, _, error) = await Run("queue", "export", "--all", "--to", typeof(CommandTree).Assembly.Location,
            "--socket", "/nonexistent/holdfast.sock");
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains("is a file; give a directory", error, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(AllCommands))]
    public void Every_option_and_argument_is_described(string path)
    {
        Command command = CommandTree.Build();
        foreach (var name in path.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            command = command.Subcommands.Single(c => c.Name == name);
        Assert.All(command.Options, o => Assert.False(string.IsNullOrWhiteSpace(o.Description), o.Name));
        Assert.All(command.Arguments, a => Assert.False(string.IsNullOrWhiteSpace(a.Description), a.Name));
        Assert.False(string.IsNullOrWhiteSpace(command.Description));
    }

    [Fact]
    public async Task An_unknown_command_is_a_usage_error_with_a_guess()
    {
        var (code, _, error) = await Run("qeue");
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains("Did you mean \"queue\"?", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("check")]
    [InlineData("queue")]
    [InlineData("queue", "show", "nonsense")]
    [InlineData("queue", "list", "--older", "soon")]
    [InlineData("queue", "remove")]
    [InlineData("queue", "list", "not-an-id")]
    public async Task What_makes_no_sense_exits_with_2(params string[] args)
    {
        var (code, _, error) = await Run(args);
        Assert.Equal(ExitCode.Usage, code);
        Assert.NotEmpty(error);
    }

    [Theory]
    [InlineData("status")]
    [InlineData("queue", "list")]
    [InlineData("queue", "retry", "--all", "--yes")]
    [InlineData("route", "ann@example.com")]
    public async Task A_server_that_is_not_there_exits_with_4_and_says_what_to_do(params string[] args)
    {
        var (code, _, error) = await Run([.. args, "--socket", "/nonexistent/holdfast.sock"]);
        Assert.Equal(ExitCode.ServerNotReachable, code);
        Assert.Contains("Is it running?", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_configuration_that_cannot_be_read_exits_with_3()
    {
        var (code, output, _) = await Run("check", "--config", "/nonexistent/holdfast.json");
        Assert.Equal(ExitCode.ConfigurationInvalid, code);
        Assert.Contains("can't be read", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Version_is_told()
    {
        var (code, output, _) = await Run("--version");
        Assert.Equal(ExitCode.Ok, code);
        Assert.Matches(@"^\d+\.\d+\.\d+", output);
    }
}
