using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;

namespace Holdfast.SystemTests.Harness;

/// <summary>The real binary as a process of its own, with its own data directory and ports.</summary>
internal sealed class Gateway : IAsyncDisposable
{
    private readonly Workspace _workspace;
    private readonly StringBuilder _log = new();
    private readonly Channel<string> _faultAnswers = Channel.CreateBounded<string>(16);
    private Process? _process;

    public Gateway(Workspace workspace, string? configuration = null)
    {
        _workspace = workspace;
        SmtpPort = Workspace.FreePort();
        HttpPort = Workspace.FreePort();
        HomePort = Workspace.FreePort();
        AwayPort = Workspace.FreePort();
        ConfigurationFile = workspace.File("holdfast.json");
        DataDirectory = workspace.File("data");
        File.WriteAllText(ConfigurationFile, configuration ?? TwoSites());
    }

    public int SmtpPort { get; }
    public int HttpPort { get; }
    /// <summary>Port of the only target of the home site.</summary>
    public int HomePort { get; }
    /// <summary>Port of the only target of the other site.</summary>
    public int AwayPort { get; }
    public string ConfigurationFile { get; }
    public string DataDirectory { get; set; }
    /// <summary>Runs the same gateway in the host that injects disk faults (test/Holdfast.FaultyHost).</summary>
    public bool IsFaulty { get; init; }
    public int ProcessId => _process!.Id;
    public bool HasExited => _process is null or { HasExited: true };
    public int ExitCode => _process!.ExitCode;
    public Dictionary<string, string> Environment { get; } = new() { ["NO_COLOR"] = "1" };

    public string Log
    {
        get
        {
            lock (_log)
                return _log.ToString();
        }
    }

    /// <summary>The two-sites example on this gateway's ports, with more sections merged in.</summary>
    public string TwoSites(string receive = "", string more = "", string mail = "") => $$"""
        {
          "Holdfast": {
            "HostName": "holdfast.test",
            "Operator": { "HttpEndpoint": "127.0.0.1:{{HttpPort}}" },
            "Topology": {
              "HomeRegion": "na",
              "Regions": [ { "Name": "na" }, { "Name": "eu" } ],
              "Sites": [
                { "Name": "mail-na", "Service": "mail", "Region": "na", "CapacityPerSecond": 2000,
                  "Targets": [ { "Address": "127.0.0.1:{{HomePort}}" } ] },
                { "Name": "mail-eu", "Service": "mail", "Region": "eu", "CapacityPerSecond": 2000,
                  "Targets": [ { "Address": "127.0.0.1:{{AwayPort}}" } ] }
              ]
            },
            "Mail": {
              "Receive": { {{receive}} "Listeners": [
                { "Name": "relay", "Endpoint": "127.0.0.1:{{SmtpPort}}", "Role": "Relay",
                  "TrustedNetworks": [ "127.0.0.0/8" ] } ] },
              {{mail}}
              "Route": { "Rules": [ { "Domain": "*", "Service": "mail", "Tls": "Opportunistic" } ] }
            } {{more}}
          }
        }
        """;

    public void Configure(string json) => File.WriteAllText(ConfigurationFile, json);

    public static string BinaryPath
    {
        get
        {
            var published = System.Environment.GetEnvironmentVariable("HOLDFAST_BINARY");
            if (!string.IsNullOrEmpty(published))
                return published;
            var configuration = AppContext.BaseDirectory.Contains("/Release/", StringComparison.Ordinal)
                ? "Release" : "Debug";
            return Path.Combine(Workspace.RepositoryRoot, "src/Holdfast/bin", configuration, "net10.0/holdfast.dll");
        }
    }

    /// <summary>Starts and waits until the SMTP listener answers with a greeting.</summary>
    public async Task StartAsync(bool waitReady = true)
    {
        var (program, first) = Command(IsFaulty);
        _process = Peer.Start(program, [.. first, "run", "--config", ConfigurationFile, "--data", DataDirectory],
            Environment, redirectInput: IsFaulty);
        while (_faultAnswers.Reader.TryRead(out _))
        {
            // Of the process before.
        }
        _process.OutputDataReceived += (_, e) =>
        {
            if (e.Data?.StartsWith("faults ", StringComparison.Ordinal) == true)
                _faultAnswers.Writer.TryWrite(e.Data[7..]);
            Append(e.Data);
        };
        _process.ErrorDataReceived += (_, e) => Append(e.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        if (waitReady)
            await WaitReadyAsync(TimeSpan.FromSeconds(60));
    }

    public async Task WaitReadyAsync(TimeSpan limit)
    {
        await Eventually.HoldsAsync(async () =>
        {
            if (HasExited)
                throw new InvalidOperationException($"holdfast ended with {_process!.ExitCode}:\n{Log}");
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync(IPAddress.Loopback, SmtpPort);
                using var reader = new StreamReader(client.GetStream());
                return (await reader.ReadLineAsync())?.StartsWith("220", StringComparison.Ordinal) == true;
            }
            catch (Exception e) when (e is SocketException or IOException)
            {
                return false;
            }
        }, limit, () => "no SMTP greeting:\n" + Log);
    }

    /// <summary>Replaces the disk's faults; returns how many calls failed under those before.</summary>
    public async Task<long> SetFaultsAsync(string faults = "")
    {
        await _process!.StandardInput.WriteLineAsync(faults);
        await _process.StandardInput.FlushAsync();
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(20), TimeProvider.System);
        var answer = await _faultAnswers.Reader.ReadAsync(timeout.Token);
        return long.Parse(answer, System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>The status code of <c>/readyz</c>.</summary>
    public async Task<int> ReadyCodeAsync()
    {
        using var client = new HttpClient();
        using var response = await client.GetAsync(new Uri($"http://127.0.0.1:{HttpPort}/readyz"));
        return (int)response.StatusCode;
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGTERM, then waits; returns the exit code.</summary>
    public async Task<int> StopAsync(TimeSpan? limit = null)
    {
        Signal("TERM");
        using var timeout = new CancellationTokenSource(limit ?? TimeSpan.FromSeconds(30), TimeProvider.System);
        await _process!.WaitForExitAsync(timeout.Token);
        return _process.ExitCode;
    }

    public void Signal(string name)
    {
        using var kill = Process.Start("kill", $"-{name} {_process!.Id}");
        kill.WaitForExit();
    }

    /// <summary>Runs a holdfast command against this gateway's data directory.</summary>
    public Task<(int Code, string Output)> CommandAsync(params string[] arguments)
    {
        var (program, first) = Command();
        return Peer.RunAsync(program, [.. first, .. arguments, "--data", DataDirectory], TimeSpan.FromSeconds(60),
            // Nobody is at the terminal, wherever the tests run.
            standardInput: "", environment: Environment);
    }

    /// <summary><c>holdfast user add</c>.</summary>
    public Task<(int Code, string Output)> AddUserAsync(string file, string user, string password)
    {
        var (program, first) = Command();
        return Peer.RunAsync(program, [.. first, "user", "add", user, "--file", file], TimeSpan.FromSeconds(60),
            standardInput: password + "\n", environment: Environment);
    }

    /// <summary>Runs a holdfast command that needs no server.</summary>
    public static Task<(int Code, string Output)> RunAsync(params string[] arguments)
    {
        var (program, first) = Command();
        return Peer.RunAsync(program, [.. first, .. arguments], TimeSpan.FromSeconds(60));
    }

    public async Task<JsonElement> GetAsync(string path)
    {
        using var client = new HttpClient();
        var text = await client.GetStringAsync(new Uri($"http://127.0.0.1:{HttpPort}{path}"));
        return JsonDocument.Parse(text).RootElement;
    }

    public async Task<long> WaitingAsync() =>
        (await GetAsync("/api/v1/status")).GetProperty("mail").GetProperty("waiting").GetInt64();

    /// <summary>Resident memory in bytes, from /proc.</summary>
    public long ResidentBytes() => MemoryBytes("VmRSS:");

    /// <summary>The most that it has been.</summary>
    public long PeakBytes() => MemoryBytes("VmHWM:");

    private long MemoryBytes(string field)
    {
        var line = File.ReadLines($"/proc/{_process!.Id}/status").First(l => l.StartsWith(field, StringComparison.Ordinal));
        return long.Parse(line[field.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(),
            System.Globalization.CultureInfo.InvariantCulture) * 1024;
    }

    /// <summary>Evidence on disk, all of it.</summary>
    public string Evidence() => string.Concat(Directory.GetFiles(Path.Combine(DataDirectory, "evidence"), "*.jsonl")
        .Select(File.ReadAllText));

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
            await KillAsync();
        _process?.Dispose();
        _workspace.Dispose();
    }

    private static string FaultyHostPath => Path.Combine(Workspace.RepositoryRoot, "test/Holdfast.FaultyHost/bin",
        AppContext.BaseDirectory.Contains("/Release/", StringComparison.Ordinal) ? "Release" : "Debug",
        "net10.0/Holdfast.FaultyHost.dll");

    private static (string Program, string[] First) Command(bool isFaulty = false) => isFaulty ? ("dotnet", [FaultyHostPath])
        : BinaryPath.EndsWith(".dll", StringComparison.Ordinal) ? ("dotnet", [BinaryPath]) : (BinaryPath, []);

    private void Append(string? line)
    {
        if (line is null)
            return;
        lock (_log)
        {
            if (_log.Length < 1_000_000)
                _log.AppendLine(line);
        }
    }
}
