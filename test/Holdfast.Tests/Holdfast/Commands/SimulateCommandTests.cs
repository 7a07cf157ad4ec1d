using Holdfast.Commands;

namespace Holdfast.Tests.Commands;

public class SimulateCommandTests
{
    [Fact]
    public async Task A_file_that_is_missing_is_told_with_exit_code_1()
    {
        var (code, _, error) = await RunAsync("simulate", "/nowhere/at-all.json");
        Assert.Equal(ExitCode.Failed, code);
        Assert.Contains("doesn't exist", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_policy_that_nobody_knows_is_a_usage_fault_with_what_was_meant()
    {
        var (code, _, error) = await RunAsync("simulate", "x.json", "--policy", "envoi");
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains("did you mean \"envoy\"?", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_line_without_a_scenario_is_a_usage_fault()
    {
        var (code, _, _) = await RunAsync("simulate");
        Assert.Equal(ExitCode.Usage, code);
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await CommandTree.InvokeAsync(args, output, error);
        return (code, output.ToString(), error.ToString());
    }
}
