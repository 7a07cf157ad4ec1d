using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Holdfast.SystemTests.Harness;

namespace Holdfast.Bench.Web;

/// <summary>The targets as a process of their own, so that their work isn't the proxies' nor the generator's.</summary>
internal sealed class WebTargets : IDisposable
{
    private readonly Process _process;

    /// <param name="arguments">Of <c>web-target</c>.</param>
    private WebTargets(IEnumerable<string> arguments)
    {
        _process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["web-target", .. arguments])
            { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false })!;
        if (_process.StandardOutput.ReadLine() != "ready")
            throw new InvalidOperationException("web targets did not start");
    }

    /// <summary>With the failure cases' capacity and distance.</summary>
    public static WebTargets Working(IReadOnlyList<WebBackend> backends) => new([
        .. backends.Select(b => string.Create(CultureInfo.InvariantCulture,
            $"{b.Name}:{b.Port}:{(b.IsHome ? 0 : FailureCase.Distance.TotalMilliseconds)}")),
        "--workers", string.Create(CultureInfo.InvariantCulture, $"{FailureCase.Workers}"),
        "--service", string.Create(CultureInfo.InvariantCulture, $"{FailureCase.Service.TotalMilliseconds}")]);

    /// <summary>Answering at once, from next door.</summary>
    public static WebTargets Instant(IReadOnlyList<WebBackend> backends) => new(backends.Select(b =>
        string.Create(CultureInfo.InvariantCulture, $"{b.Name}:{b.Port}:0")));

    public static Command Command()
    {
        var targets = new Argument<string[]>("targets")
            { Description = "NAME:PORT:MILLISECONDS each, the last how far away", Arity = ArgumentArity.OneOrMore };
        var workers = new Option<int>("--workers") { Description = "Requests worked on at once by each; 0: no work" };
        var service = new Option<double>("--service") { Description = "Milliseconds of work a request" };
        var command = new Command("web-target", "HTTP targets on 127.0.0.1 whose faults are told on standard input, a line each,\n"
            + "answered with requests taken, served, and acts (X-Act) done again: NAME [errors=0.3] [status=503] [slow=10] [capacity=0.5] [hole] [reset]\n"
            + "[refuse] [spares=/health]. Example: bench web-target na1:8091:0 eu1:8093:80 --workers 6 --service 24")
            { targets, workers, service };
        command.SetAction((parse, _) => RunAsync(parse.GetValue(targets)!, parse.GetValue(workers),
            TimeSpan.FromMilliseconds(parse.GetValue(service))));
        return command;
    }

    /// <summary>Takes effect before it returns.</summary>
    public void Set(string target, string faults) => Ask($"{target} {faults}");

    /// <summary>Acts that were done more than once.</summary>
    public int Repeated() => int.Parse(Ask("").Split(' ')[^1], CultureInfo.InvariantCulture);

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(5_000))
            _process.Kill();
        _process.Dispose();
    }

    private string Ask(string line)
    {
        _process.StandardInput.WriteLine(line);
        return _process.StandardOutput.ReadLine() is ['o', 'k', ..] and var answer ? answer
            : throw new InvalidOperationException($"web targets did not do as told: {line}");
    }

    private static async Task<int> RunAsync(string[] words, int workers, TimeSpan service)
    {
        var targets = new Dictionary<string, WebTarget>(StringComparer.Ordinal);
        var ledger = new WebLedger();
        foreach (var word in words)
        {
            if (word.Split(':') is not [var name, var port, var distance])
                throw new FormatException($"NAME:PORT:MILLISECONDS: {word}");
            var target = new WebTarget(int.Parse(port, CultureInfo.InvariantCulture), new WebTargetOptions(name, workers,
                service, TimeSpan.FromMilliseconds(double.Parse(distance, CultureInfo.InvariantCulture))), ledger);
            await target.StartAsync().ConfigureAwait(false);
            targets.Add(name, target);
        }
        Console.WriteLine("ready");
        while (await Console.In.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            var space = line.IndexOf(' ', StringComparison.Ordinal);
            var name = space < 0 ? line : line[..space];
            try
            {
                if (line.Length > 0 && targets.TryGetValue(name, out var target))
                    await target.SetAsync(WebFaults.Parse(space < 0 ? "" : line[space..])).ConfigureAwait(false);
                else if (line.Length > 0)
                    throw new FormatException($"no target: {name}");
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"ok {targets.Values.Sum(t => t.Requests)} {targets.Values.Sum(t => t.Served)} {ledger.Repeated}"));
            }
            catch (FormatException e)
            {
                Console.WriteLine(e.Message);
            }
        }
        foreach (var target in targets.Values)
            await target.DisposeAsync().ConfigureAwait(false);
        return 0;
    }
}
