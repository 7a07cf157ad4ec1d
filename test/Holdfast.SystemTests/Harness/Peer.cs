using System.Diagnostics;
using System.Text;

namespace Holdfast.SystemTests.Harness;

/// <summary>Programs of others that we talk to. Missing ones skip the test with a word; in CI that is a failure.</summary>
internal static class Peer
{
    private static readonly string[] Places = ["/usr/sbin", "/usr/bin", "/usr/local/bin", "/sbin", "/bin"];

    public static bool InCi => Environment.GetEnvironmentVariable("CI") == "true";

    public static string Require(string program)
    {
        var path = Places.Select(p => Path.Combine(p, program)).FirstOrDefault(File.Exists);
        if (path is not null)
            return path;
        var text = $"{program} is not installed (test/install-peers installs it on Debian): this test was not run";
        if (InCi)
            Assert.Fail(text);
        Assert.Skip(text);
        return "";
    }

    /// <summary>Runs to the end and returns exit code and output; kills it after the limit.</summary>
    public static async Task<(int Code, string Output)> RunAsync(string program, IEnumerable<string> arguments,
        TimeSpan limit, string? standardInput = null, IDictionary<string, string>? environment = null)
    {
        using var process = Start(program, arguments, environment, redirectInput: standardInput is not null);
        var output = new StringBuilder();
        process.OutputDataReceived += (_, e) => Append(output, e.Data);
        process.ErrorDataReceived += (_, e) => Append(output, e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (standardInput is not null)
        {
            await process.StandardInput.WriteAsync(standardInput);
            process.StandardInput.Close();
        }
        using var timeout = new CancellationTokenSource(limit, TimeProvider.System);
        try
        {
            await process.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
            lock (output)
                return (-1, output + $"\n(killed after {limit})");
        }
        lock (output)
            return (process.ExitCode, output.ToString());
    }

    public static Process Start(string program, IEnumerable<string> arguments,
        IDictionary<string, string>? environment = null, bool redirectInput = false)
    {
        var info = new ProcessStartInfo(program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = redirectInput,
            UseShellExecute = false,
        };
        foreach (var argument in arguments)
            info.ArgumentList.Add(argument);
        foreach (var (key, value) in environment ?? new Dictionary<string, string>())
            info.Environment[key] = value;
        return Process.Start(info) ?? throw new InvalidOperationException($"{program} did not start");
    }

    private static void Append(StringBuilder to, string? line)
    {
        if (line is null)
            return;
        lock (to)
            to.AppendLine(line);
    }
}
