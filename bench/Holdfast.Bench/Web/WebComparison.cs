using System.CommandLine;
using System.Globalization;
using Holdfast.Bench.Peers;

namespace Holdfast.Bench.Web;

/// <summary>HTTP through Holdfast, stock YARP, HAProxy and nginx, alternating in one run before the same targets: what
/// they let through when all is well, and what clients get when it isn't.</summary>
internal sealed class WebComparison
{
    private const string Plain = "plain";
    private const int WarmUpSeconds = 3;

    private readonly List<PlainResult> _plain = [];
    private readonly List<FailureResult> _failures = [];
    private readonly List<string> _notes = [];
    private readonly string _root = Directory.CreateTempSubdirectory("holdfast-web-").FullName;
    private readonly (string Certificate, string Key) _certificate;
    private int _folders;

    private WebComparison()
    {
        // nginx' workers aren't root.
        File.SetUnixFileMode(_root, (UnixFileMode)0x1ED);
        _certificate = BenchCertificate.Write(_root);
    }

    public static Command Command()
    {
        var holdfast = new Option<string>("--holdfast")
            { Required = true, Description = "Published binary (dotnet publish src/Holdfast -c Release -o DIR)" };
        var only = new Option<string[]>("--only")
            { Description = "Of holdfast, declared (its sites' capacity), yarp, haproxy, nginx", AllowMultipleArgumentsPerToken = true };
        var cases = new Option<string[]>("--cases")
        {
            Description = $"Of {Plain}, {string.Join(", ", FailureCase.All.Select(c => c.Name))}",
            AllowMultipleArgumentsPerToken = true,
        };
        var seconds = new Option<double>("--seconds")
            { DefaultValueFactory = _ => 10, Description = "How long a fault lasts, and how long is looked at after it" };
        var plainSeconds = new Option<int>("--plain-seconds") { DefaultValueFactory = _ => 4 };
        var connections = new Option<int[]>("--connections")
            { DefaultValueFactory = _ => [16, 64, 256], AllowMultipleArgumentsPerToken = true };
        var rounds = new Option<int>("--rounds")
            { DefaultValueFactory = _ => 3, Description = "Of plain throughput; the median counts" };
        var turn = new Option<string?>("--lock")
            { Description = "File locked for each single measurement, as flock(1) does: others take their turns between" };
        var traces = new Option<string?>("--traces") { Description = "Folder for a CSV file a failure case, line a second" };
        var report = new Option<string?>("--report") { Description = "Markdown file to write" };
        var command = new Command("web", "HTTP proxies side by side: plain throughput, and goodput while targets fail. Wants Debian's\n"
            + "haproxy, nginx, wrk and nghttp2-client (test/install-peers); what isn't there isn't run.\n"
            + "Example: bench/run web --cases hole region --report bench/results/web.md")
            { holdfast, only, cases, seconds, plainSeconds, connections, rounds, turn, traces, report };
        command.SetAction(parse =>
        {
            var comparison = new WebComparison();
            // What half an hour of measuring came to must not be lost for want of a folder.
            if (parse.GetValue(traces) is { } folder)
                Directory.CreateDirectory(folder);
            try
            {
                var names = parse.GetValue(only) is { Length: > 0 } wanted ? wanted : null;
                var systems = comparison.Systems(Path.GetFullPath(parse.GetValue(holdfast)!), names);
                var chosen = parse.GetValue(cases) is { Length: > 0 } picked ? picked
                    : [Plain, .. FailureCase.All.Select(c => c.Name)];
                if (chosen.FirstOrDefault(c => c != Plain && FailureCase.All.All(a => a.Name != c)) is { } unknown)
                {
                    Console.Error.WriteLine($"no case: {unknown}");
                    return 1;
                }
                if (chosen.Contains(Plain))
                {
                    comparison.Throughput(systems, parse.GetValue(connections)!, parse.GetValue(rounds),
                        parse.GetValue(plainSeconds), parse.GetValue(turn));
                }
                if (chosen.Any(c => c != Plain))
                    comparison.Ceiling(parse.GetValue(turn));
                foreach (var @case in FailureCase.All.Where(c => chosen.Contains(c.Name)))
                {
                    comparison.Tell(parse.GetValue(report), parse.GetValue(seconds));
                    comparison.Fail(systems, @case, parse.GetValue(seconds), parse.GetValue(turn), parse.GetValue(traces));
                }
            }
            finally
            {
                Directory.Delete(comparison._root, recursive: true);
            }
            Console.WriteLine(comparison.Tell(parse.GetValue(report), parse.GetValue(seconds)));
            return 0;
        });
        return command;
    }

    /// <summary>The report of what was measured until now.</summary>
    private string Tell(string? file, double seconds)
    {
        var text = WebReport.Write(_plain, _failures, _notes, seconds);
        if (file is not null)
            File.WriteAllText(file, text);
        return text;
    }

    private List<Func<bool, WebSystem>> Systems(string holdfast, string[]? only)
    {
        var systems = new List<Func<bool, WebSystem>>();
        foreach (var (name, make) in ((string, Func<bool, WebSystem>)[])[("holdfast", _ => new HoldfastWebSystem(holdfast)),
            ("declared", isPlain => new HoldfastWebSystem(holdfast, isPlain ? PlainRun.Capacity : FailureCase.HomePerSecond)), ("yarp", _ => new YarpSystem()),
            ("haproxy", _ => new HaproxySystem()), ("nginx", _ => new NginxSystem())])
        {
            if (only is not null && !only.Contains(name))
                continue;
            using var system = make(false);
            if (system.WhyNot is { } reason)
                _notes.Add($"{system.Name}: not run, {reason}");
            else
            {
                _notes.Add(system.Version);
                systems.Add(make);
            }
        }
        return systems;
    }

    /// <summary>What the generator of the failure cases can do, so that it isn't what is measured.</summary>
    private void Ceiling(string? turn)
    {
        using var taken = Turn.Take(turn);
        var layout = Layout();
        using var targets = WebTargets.Instant(layout.Backends);
        using var generator = new OpenLoop(new Uri($"http://127.0.0.1:{layout.Backends[0].Port}/"), 0, default);
        _ = generator.Ceiling(32, TimeSpan.FromSeconds(1));
        var most = generator.Ceiling(32, TimeSpan.FromSeconds(2));
        var samples = generator.Run(new ArrivalSchedule(FailureCase.HomePerSecond, 2));
        var (p50, p99) = (Goodput.LatencyAt(samples, 0, 2, 0.5, 2) * 1000, Goodput.LatencyAt(samples, 0, 2, 0.99, 2) * 1000);
        _notes.Add(string.Create(CultureInfo.InvariantCulture,
            $"the generator of the failure cases, straight at a target that answers at once: {most:F0} requests/s at most; at {FailureCase.HomePerSecond:F0}/s p50 {p50:F2} ms, p99 {p99:F2} ms"));
        Console.WriteLine(_notes[^1]);
    }

    private void Throughput(List<Func<bool, WebSystem>> systems, int[] connections, int rounds, int seconds, string? turn)
    {
        if (!PlainRun.HasWrk || !PlainRun.HasH2)
        {
            _notes.Add("plain throughput: not run, wrk or h2load isn't installed (test/install-peers)");
            return;
        }
        PlainCase[] cases = [.. connections.Select(c => new PlainCase(false, c)), .. connections.Select(c => new PlainCase(true, c / 4))];
        var all = new List<PlainResult>();
        for (var round = 0; round < rounds; round++)
        {
            foreach (var make in round % 2 == 0 ? systems : systems.AsEnumerable().Reverse())
            {
                using var taken = Turn.Take(turn);
                var layout = Layout();
                var folder = Folder();
                using IDisposable targets = NginxSystem.IsInstalled ? NginxTargets.Start(layout.Backends, Folder())
                    : WebTargets.Instant(layout.Backends);
                if (round == 0 && all.Count == 0)
                {
                    foreach (var @case in cases.Where(c => !c.IsH2))
                        all.Add(Show(PlainRun.Measure(null, layout, @case, seconds, folder)));
                }
                using var system = make(true);
                if (!Starts(system, layout, folder))
                    continue;
                PlainRun.WarmUp(layout, isH2: false, WarmUpSeconds, folder);
                PlainRun.WarmUp(layout, isH2: true, WarmUpSeconds, folder);
                foreach (var @case in cases)
                    all.Add(Show(PlainRun.Measure(system, layout, @case, seconds, folder)));
            }
        }
        _plain.AddRange(all.GroupBy(r => (r.System, r.Case))
            .Select(g => g.OrderBy(r => r.Measure.PerSecond).ElementAt(g.Count() / 2)));
    }

    private void Fail(List<Func<bool, WebSystem>> systems, FailureCase @case, double seconds, string? turn, string? traces)
    {
        foreach (var make in systems)
        {
            using var taken = Turn.Take(turn);
            var layout = Layout();
            using var targets = WebTargets.Working(layout.Backends);
            using var system = make(false);
            if (!Starts(system, layout, Folder()))
                continue;
            var result = FailureRun.Run(system, targets, @case, seconds);
            _failures.Add(result);
            Console.WriteLine(WebReport.Row(result));
            if (traces is not null)
                File.WriteAllText(Path.Combine(traces, $"{@case.Name}-{system.Name}.csv"), result.Seconds);
        }
    }

    /// <summary>One that doesn't start takes nothing from what the others showed.</summary>
    private bool Starts(WebSystem system, WebLayout layout, string folder)
    {
        try
        {
            system.Start(layout, folder);
            return true;
        }
        catch (InvalidOperationException e)
        {
            var note = $"{system.Name}: not run, {e.Message.Trim()}";
            if (!_notes.Contains(note))
                _notes.Add(note);
            Console.Error.WriteLine(note);
            return false;
        }
    }

    private static PlainResult Show(PlainResult result)
    {
        Console.WriteLine(WebReport.Row(result));
        return result;
    }

    private string Folder()
    {
        var folder = Path.Combine(_root, (++_folders).ToString(CultureInfo.InvariantCulture));
        Directory.CreateDirectory(folder);
        return folder;
    }

    private WebLayout Layout() => new(LoopbackPort.Free(), LoopbackPort.Free(), _certificate.Certificate, _certificate.Key,
        [.. FailureCase.Targets.Select(t => new WebBackend(t.Name, LoopbackPort.Free(), t.IsHome))]);
}
