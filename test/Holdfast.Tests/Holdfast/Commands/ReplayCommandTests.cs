using System.Text.Json;
using Holdfast.Commands;

namespace Holdfast.Tests.Commands;

public class ReplayCommandTests
{
    [Fact]
    public async Task The_example_of_reports_has_one_alarm_in_one_region()
    {
        var (code, output, _) = await RunAsync("replay", "series", Example("reports.csv"), "--json");
        Assert.Equal(ExitCode.Ok, code);
        using var json = JsonDocument.Parse(output);
        var alarm = Assert.Single(json.RootElement.GetProperty("alarms").EnumerateArray().ToArray());
        Assert.Equal("na", alarm.GetProperty("region").GetString());
        Assert.Equal("cleared", alarm.GetProperty("endedBy").GetString());
        Assert.InRange(alarm.GetProperty("start").GetDateTimeOffset(), At("2026-01-22T19:15Z"), At("2026-01-22T19:30Z"));
        Assert.InRange(alarm.GetProperty("raised").GetDateTimeOffset(), At("2026-01-22T19:45Z"), At("2026-01-22T20:00Z"));
    }

    [Fact]
    public async Task A_directory_is_called_one_and_a_missing_file_missing()
    {
        var folder = Path.GetDirectoryName(Example("reports.csv"))!;
        var (code, _, error) = await RunAsync("replay", "series", folder);
        Assert.Equal(ExitCode.Failed, code);
        Assert.Contains("is a directory", error, StringComparison.Ordinal);
        (code, _, error) = await RunAsync("replay", "breakdown", Path.Combine(folder, "none.csv"));
        Assert.Equal(ExitCode.Failed, code);
        Assert.Contains("doesn't exist", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_in_words()
    {
        var (code, output, _) = await RunAsync("replay", "series", Example("reports.csv"));
        Assert.Equal(ExitCode.Ok, code);
        Assert.Contains("1 alarm.", output, StringComparison.Ordinal);
        Assert.Contains("2026-01-22 19:", output, StringComparison.Ordinal);
        Assert.Contains("Observed", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Scores_are_a_row_of_CSV_for_each_bin_and_the_words_go_beside()
    {
        var (code, output, error) = await RunAsync("replay", "series", Example("reports.csv"), "--scores");
        Assert.Equal(ExitCode.Ok, code);
        var rows = output.TrimEnd().Split('\n');
        Assert.Equal(File.ReadLines(Example("reports.csv")).Count(), rows.Length);
        Assert.Equal("service,region,time,count,expected,nats,score,state", rows[0].Trim());
        Assert.All(rows, r => Assert.Equal(8, r.Split(',').Length));
        Assert.Contains(rows, r => r.Trim().EndsWith(",alarm", StringComparison.Ordinal));
        Assert.Contains("1 alarm.", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Scores_in_JSON_are_as_many()
    {
        var (_, output, _) = await RunAsync("replay", "series", Example("reports.csv"), "--scores", "--json");
        using var json = JsonDocument.Parse(output);
        Assert.Equal(File.ReadLines(Example("reports.csv")).Count() - 1,
            json.RootElement.GetProperty("scores").GetArrayLength());
    }

    [Fact]
    public async Task A_file_that_is_missing_is_exit_code_1_and_a_faulty_one_3_with_its_line()
    {
        Assert.Equal(ExitCode.Failed, (await RunAsync("replay", "series", "/nowhere/x.csv")).Code);
        var (code, _, error) = await RunAsync("replay", "series", Example("two-sites.json"));
        Assert.Equal(ExitCode.ConfigurationInvalid, code);
        Assert.Contains("two-sites.json:1: ", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--ratio", "1")]
    [InlineData("--ratio", "101")]
    [InlineData("--threshold", "0.9")]
    [InlineData("--threshold", "x")]
    [InlineData("--warn", "0.4")]
    [InlineData("--bin", "9s")]
    [InlineData("--bin", "2h")]
    [InlineData("--direction", "sideways")]
    public async Task Options_out_of_their_bounds_are_usage_faults(string option, string value) =>
        Assert.Equal(ExitCode.Usage, (await RunAsync("replay", "series", Example("reports.csv"), option, value)).Code);

    [Theory]
    [InlineData("--ratio", "1.1")]
    [InlineData("--threshold", "1000")]
    [InlineData("--bin", "1h")]
    [InlineData("--direction", "both")]
    [InlineData("--zero-gaps", "true")]
    public async Task Options_within_their_bounds_are_taken(string option, string value) =>
        Assert.Equal(ExitCode.Ok, (await RunAsync("replay", "series", Example("reports.csv"), option, value)).Code);

    [Fact]
    public async Task The_example_of_a_breakdown_names_both_causes()
    {
        var (code, output, _) = await RunAsync("replay", "breakdown", Example("breakdown.csv"), "--json");
        Assert.Equal(ExitCode.Ok, code);
        using var json = JsonDocument.Parse(output);
        Assert.Equal(["site=na-2", "client=outlook-16.2,operation=send"], json.RootElement.GetProperty("explanations")
            .EnumerateArray().Select(e => string.Join(',', e.GetProperty("where").EnumerateObject()
                .OrderBy(t => t.Name, StringComparer.Ordinal).Select(t => $"{t.Name}={t.Value}"))));
        (_, output, _) = await RunAsync("replay", "breakdown", Example("breakdown.csv"), "--top", "1");
        Assert.Contains("1. site=na-2: ", output, StringComparison.Ordinal);
        Assert.Contains("1 more: --top 2.", output, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, (await RunAsync("replay", "breakdown", Example("breakdown.csv"), "--top", "0")).Code);
        Assert.Equal(ExitCode.Usage, (await RunAsync("replay", "breakdown", Example("breakdown.csv"), "--top", "101")).Code);
        Assert.Equal(ExitCode.Ok, (await RunAsync("replay", "breakdown", Example("breakdown.csv"), "--top", "100")).Code);
        Assert.Equal(ExitCode.ConfigurationInvalid,
            (await RunAsync("replay", "breakdown", Example("reports.csv"))).Code);
    }

    internal static string Example(string name) => Path.Combine(AppContext.BaseDirectory, "examples", name);

    private static DateTimeOffset At(string time) =>
        DateTimeOffset.Parse(time, System.Globalization.CultureInfo.InvariantCulture);

    internal static async Task<(int Code, string Output, string Error)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await CommandTree.InvokeAsync(args, output, error);
        return (code, output.ToString(), error.ToString());
    }
}
