using System.Diagnostics;
using System.Net.Sockets;
using Holdfast.SystemTests.Harness;

namespace Holdfast.Bench.Peers;

/// <summary>A mail relay under test: takes on one port, sends to another.</summary>
internal abstract class TestedSystem(string name) : IDisposable
{
    public string Name { get; } = name;
    public abstract int RootProcessId { get; }
    public abstract int Port { get; }
    public abstract void Start(int sinkPort);
    public abstract void Dispose();

    protected static void WaitForGreeting(int port, TimeSpan limit, Func<string> log)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                using var client = new TcpClient("127.0.0.1", port);
                using var reader = new StreamReader(client.GetStream());
                if (reader.ReadLine()?.StartsWith("220", StringComparison.Ordinal) == true)
                    return;
            }
            catch (Exception e) when (e is SocketException or IOException)
            {
                // Not up yet.
            }
            if (watch.Elapsed > limit)
                throw new InvalidOperationException($"no greeting on port {port} within {limit}:\n{log()}");
            using var pause = new ManualResetEventSlim();
            pause.Wait(TimeSpan.FromMilliseconds(50));
        }
    }

    protected static Process Run(string program, params string[] arguments)
    {
        var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        }) ?? throw new InvalidOperationException($"{program} did not start");
        return process;
    }
}

/// <summary>The published binary with the two-sites example on ports of its own.</summary>
/// <param name="capacity">Declared for the site, messages a second; null: not declared.</param>
internal sealed class HoldfastSystem(string binary, string folder, int port, double? capacity = 1_000_000)
    : TestedSystem("Holdfast")
{
    private Process? _process;

    private string Declared() => capacity is null ? ""
        : string.Create(System.Globalization.CultureInfo.InvariantCulture, $" \"CapacityPerSecond\": {capacity},");

    public override int RootProcessId => _process!.Id;
    public override int Port => port;

    public override void Start(int sinkPort)
    {
        Directory.CreateDirectory(folder);
        var config = Path.Combine(folder, "holdfast.json");
        File.WriteAllText(config, $$"""
            { "Holdfast": {
              "HostName": "holdfast.test",
              "Operator": { "HttpEndpoint": "127.0.0.1:{{port + 1}}" },
              "Topology": { "HomeRegion": "na", "Regions": [ { "Name": "na" } ], "Sites": [
                { "Name": "mail-na", "Service": "mail", "Region": "na",{{Declared()}}
                  "Targets": [ { "Address": "127.0.0.1:{{sinkPort}}" } ] } ] },
              "Mail": {
                "Receive": { "Listeners": [ { "Name": "relay", "Endpoint": "127.0.0.1:{{port}}", "Role": "Relay",
                  "TrustedNetworks": [ "127.0.0.0/8" ] } ] },
                "Route": { "Rules": [ { "Domain": "*", "Service": "mail", "Tls": "None" } ] } } } }
            """);
        var log = new StreamWriter(Path.Combine(folder, "holdfast.log"));
        _process = Run(binary, "run", "--config", config, "--data", Path.Combine(folder, "data"));
        void Keep(object sender, DataReceivedEventArgs e)
        {
            lock (log)
            {
                log.WriteLine(e.Data);
                log.Flush();
            }
        }
        _process.OutputDataReceived += Keep;
        _process.ErrorDataReceived += Keep;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        WaitForGreeting(port, TimeSpan.FromSeconds(30), () => File.ReadAllText(Path.Combine(folder, "holdfast.log")));
    }

    public override void Dispose()
    {
        if (_process is { HasExited: false })
        {
            using var kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
            kill.WaitForExit();
            if (!_process.WaitForExit(15_000))
                _process.Kill();
        }
        _process?.Dispose();
    }
}

/// <summary>A private Postfix, tuned as a relay: no chroot, no DNS, enough processes, no in-flow delay.</summary>
/// <param name="settings">Lines for main.cf in place of that tuning; empty: the defaults.</param>
internal sealed class PostfixSystem(string folder, int port, string? settings = null) : TestedSystem("Postfix")
{
    // in_flow_delay 0, process and concurrency limits raised: what its own tuning guide advises for a relay
    // (TUNING_README); everything that asks DNS is off, since there is none here.
    private const string Tuned = """
        smtpd_client_connection_count_limit = 0
        smtpd_client_connection_rate_limit = 0
        default_process_limit = 200
        default_destination_concurrency_limit = 100
        initial_destination_concurrency = 20
        smtp_connection_cache_on_demand = yes
        smtp_connection_cache_destinations = 127.0.0.1
        message_size_limit = 157286400
        mailbox_size_limit = 0
        in_flow_delay = 0s
        qmgr_message_active_limit = 20000
        """;
    private int _master;

    public override int RootProcessId => _master;
    public override int Port => port;

    public override void Start(int sinkPort)
    {
        PostfixFiles.Write(folder, "postfix.test", port, sinkPort, settings ?? Tuned);
        File.SetUnixFileMode(folder, (UnixFileMode)0x1ED);
        Run("chown", "postfix", Path.Combine(folder, "data")).WaitForExit();
        using var start = Run("/usr/sbin/postfix", "-c", PostfixFiles.EtcIn(folder), "start");
        start.WaitForExit();
        WaitForGreeting(port, TimeSpan.FromSeconds(30), () => File.ReadAllText(PostfixFiles.LogIn(folder)));
        // The master holds a lock on its pid file that .NET's own opening respects; cat doesn't.
        using var cat = Run("cat", Path.Combine(folder, "queue/pid/master.pid"));
        _master = int.Parse(cat.StandardOutput.ReadToEnd().Trim(), System.Globalization.CultureInfo.InvariantCulture);
    }

    public override void Dispose()
    {
        using var stop = Run("/usr/sbin/postfix", "-c", PostfixFiles.EtcIn(folder), "stop");
        stop.WaitForExit();
    }
}
