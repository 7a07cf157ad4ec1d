using System.Diagnostics;
using System.Net.Http;
using Holdfast.Bench.Peers;

namespace Holdfast.Bench.Web;

/// <summary>A proxy under test: a process of its own before the given targets.</summary>
internal abstract class WebSystem(string name) : IDisposable
{
    private Process? _process;

    public string Name { get; } = name;
    public WebLayout Layout { get; private set; } = null!;
    /// <summary>Null when it can be run here; else why not.</summary>
    public virtual string? WhyNot => null;
    /// <summary>What exactly was measured.</summary>
    public abstract string Version { get; }
    public double CpuSeconds => ProcessUse.CpuSeconds(_process!.Id);
    public long PeakBytes => ProcessUse.PeakBytes(_process!.Id);

    /// <summary>Writes its configuration into the folder.</summary>
    protected abstract ProcessStartInfo Configure(WebLayout layout, string folder);

    /// <summary>Returns when it answers 200.</summary>
    /// <exception cref="InvalidOperationException">It doesn't; with what it said.</exception>
    public void Start(WebLayout layout, string folder)
    {
        Layout = layout;
        Directory.CreateDirectory(folder);
        var start = Configure(layout, folder);
        (start.RedirectStandardOutput, start.RedirectStandardError, start.UseShellExecute) = (true, true, false);
        _process = Process.Start(start) ?? throw new InvalidOperationException($"{start.FileName} did not start");
        var log = new StreamWriter(Path.Combine(folder, "log")) { AutoFlush = true };
        void Keep(object sender, DataReceivedEventArgs e)
        {
            lock (log)
                log.WriteLine(e.Data);
        }
        _process.OutputDataReceived += Keep;
        _process.ErrorDataReceived += Keep;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(1) };
        var watch = Stopwatch.StartNew();
        while (!Answers(client))
        {
            if (_process.HasExited || watch.Elapsed > TimeSpan.FromSeconds(30))
                throw new InvalidOperationException($"{Name} does not answer: {File.ReadAllText(Path.Combine(folder, "log"))}");
            using var pause = new ManualResetEventSlim();
            pause.Wait(TimeSpan.FromMilliseconds(50));
        }
    }

    public void Dispose()
    {
        if (_process is { HasExited: false })
        {
            // At once: connections that are still open aren't worth a wait.
            using var kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
            kill.WaitForExit();
            if (!_process.WaitForExit(5_000))
                _process.Kill(entireProcessTree: true);
        }
        _process?.Dispose();
    }

    protected static bool Has(string program) =>
        new[] { "/usr/sbin", "/usr/bin", "/usr/local/bin" }.Any(folder => File.Exists(Path.Combine(folder, program)));

    /// <summary>What the program says of itself when asked so, the first line.</summary>
    protected static string Ask(string program, string argument)
    {
        using var process = Process.Start(new ProcessStartInfo(program, [argument])
            { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false })!;
        var text = process.StandardOutput.ReadToEnd() + process.StandardError.ReadToEnd();
        process.WaitForExit();
        return text.Split('\n')[0].Trim();
    }

    private bool Answers(HttpClient client)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"http://127.0.0.1:{Layout.PlainPort}/"));
            using var answer = client.Send(request);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return false;
        }
    }
}
