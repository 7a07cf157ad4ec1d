using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Holdfast.Bench.Load;
using Holdfast.Bench.Peers;

namespace Holdfast.Bench;

/// <summary>A backlog for a dark site: what it costs in memory, in a restart, in queue commands, and to mail for others.
/// </summary>
internal static class MillionWaiting
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(10);

    public static Command Command()
    {
        var holdfast = new Option<string>("--holdfast") { Required = true, Description = "Published binary" };
        var messages = new Option<int>("--messages") { DefaultValueFactory = _ => 1_000_000 };
        var size = new Option<int>("--size") { DefaultValueFactory = _ => 1024, Description = "Content octets" };
        var report = new Option<string?>("--report") { Description = "Markdown file to write" };
        var command = new Command("million", "Memory, restart, queue commands and delivery with a million messages waiting.\n"
            + "Example: bench million --holdfast artifacts/holdfast/holdfast --report bench/results/million.md")
            { holdfast, messages, size, report };
        command.SetAction(parse => Run(Path.GetFullPath(parse.GetValue(holdfast)!), parse.GetValue(messages),
            parse.GetValue(size), parse.GetValue(report)));
        return command;
    }

    private static int Run(string binary, int messages, int size, string? report)
    {
        var folder = Directory.CreateTempSubdirectory("holdfast-million-").FullName;
        int smtp = LoopbackPort.Free(), http = LoopbackPort.Free(), live = LoopbackPort.Free(), dark = LoopbackPort.Free();
        var config = Path.Combine(folder, "holdfast.json");
        File.WriteAllText(config, $$"""
            { "Holdfast": {
              "HostName": "holdfast.test",
              "Operator": { "HttpEndpoint": "127.0.0.1:{{http}}" },
              "Topology": { "HomeRegion": "na", "Regions": [ { "Name": "na" } ], "Sites": [
                { "Name": "live", "Service": "live", "Region": "na", "CapacityPerSecond": 1000000,
                  "Targets": [ { "Address": "127.0.0.1:{{live}}" } ] },
                { "Name": "dark", "Service": "dark", "Region": "na", "CapacityPerSecond": 1000000,
                  "Targets": [ { "Address": "127.0.0.1:{{dark}}" } ] } ] },
              "Mail": {
                "Receive": { "Listeners": [ { "Name": "relay", "Endpoint": "127.0.0.1:{{smtp}}", "Role": "Relay",
                  "TrustedNetworks": [ "127.0.0.0/8" ] } ] },
                "Route": { "Rules": [ { "Domain": "dark.test", "Service": "dark", "Tls": "None" },
                                      { "Domain": "*", "Service": "live", "Tls": "None" } ] } } } }
            """);
        var data = Path.Combine(folder, "data");
        var text = new StringBuilder();
        void Tell(string line)
        {
            Console.WriteLine(line);
            text.AppendLine("- " + line);
        }
        try
        {
            using var sink = new LoadSink(live);
            var process = Start(binary, config, data, http);
            Generate(smtp, 20_000, size, "load.test"); // Warm: compiled code and pools are no cost of waiting mail.
            Wait(() => sink.Messages >= 20_000, "warm-up delivered");
            var empty = Rate(smtp, size, sink);
            var idle = Resident(process.Id);
            Tell(F($"idle process after a warm-up: {idle >> 20} MiB resident; delivery with an empty queue: {empty:F0} messages/s"));

            var watch = Stopwatch.StartNew();
            Generate(smtp, messages, size, "dark.test");
            Tell(F($"{messages} messages of {size} octets accepted in {watch.Elapsed.TotalSeconds:F1} s ({messages / watch.Elapsed.TotalSeconds:F0}/s)"));
            Wait(() => Status(http).GetProperty("mail").GetProperty("waiting").GetInt64() >= messages, "all waiting");
            Pause(TimeSpan.FromSeconds(20)); // Checkpoints and collections settle.
            var waiting = Resident(process.Id);
            Tell(F($"resident with {messages} waiting: {waiting >> 20} MiB, {(waiting - idle) >> 20} MiB beyond idle ({(waiting - idle) / messages} bytes a message)"));

            foreach (var arguments in (string[][])[["queue", "shape"], ["queue", "list", "--all", "--limit", "20"],
                ["queue", "list", "--recipient", "r7@dark.test", "--limit", "20"], ["status"]])
            {
                watch.Restart();
                using var command = Run(binary, [.. arguments, "--data", data]);
                var output = command.StandardOutput.ReadToEnd();
                command.WaitForExit();
                Tell(F($"`holdfast {string.Join(' ', arguments)}`: {watch.Elapsed.TotalSeconds:F2} s, exit {command.ExitCode}, {output.Length} characters"));
            }
            var busy = Rate(smtp, size, sink);
            Tell(F($"delivery to the live site while they wait: {busy:F0} messages/s, {busy / empty:F2} of the empty queue's"));

            process.Kill();
            process.WaitForExit();
            using var darkSink = new LoadSink(dark);
            watch.Restart();
            process = Start(binary, config, data, http);
            Wait(() => darkSink.Messages > 0, "first delivery after restart");
            Tell(F($"kill -9 and restart with {messages} waiting: first delivery after {watch.Elapsed.TotalSeconds:F1} s"));
            watch.Restart();
            Wait(() => darkSink.Messages >= messages, "all delivered", TimeSpan.FromMinutes(30));
            Tell(F($"drained in {watch.Elapsed.TotalSeconds:F0} s ({messages / watch.Elapsed.TotalSeconds:F0}/s), {darkSink.Messages} delivered; ramp and pacing included"));
            process.Kill();
            process.WaitForExit();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        if (report is not null)
        {
            File.WriteAllText(report, F($"# {messages} messages waiting\n\nOne run of `bench million` on 2 cores.\n\n") + text);
        }
        return 0;
    }

    private static double Rate(int smtp, int size, LoadSink sink)
    {
        const int Count = 20_000;
        var before = sink.Messages;
        var watch = Stopwatch.StartNew();
        Generate(smtp, Count, size, "load.test");
        Wait(() => sink.Messages >= before + Count, "delivered");
        return Count / watch.Elapsed.TotalSeconds;
    }

    private static void Generate(int port, int messages, int size, string domain)
    {
        var generator = new LoadGenerator(new IPEndPoint(IPAddress.Loopback, port), 50, messages, size,
            Pipelining.Chained, domain);
        generator.Run();
        if (generator.Accepted < messages)
            throw new InvalidOperationException(F($"{generator.Accepted} of {messages} accepted: {generator.LastRefusal}"));
    }

    private static Process Start(string binary, string config, string data, int http)
    {
        var process = Run(binary, ["run", "--config", config, "--data", data]);
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, e) => { if (e.Data?.Contains("rror", StringComparison.Ordinal) == true) Console.WriteLine(e.Data); };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        using var client = new HttpClient();
        Wait(() =>
        {
            try
            {
                return client.GetAsync(new Uri($"http://127.0.0.1:{http}/readyz")).GetAwaiter().GetResult().IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        }, "ready");
        return process;
    }

    private static JsonElement Status(int http)
    {
        using var client = new HttpClient();
        return JsonDocument.Parse(client.GetStringAsync(new Uri($"http://127.0.0.1:{http}/api/v1/status"))
            .GetAwaiter().GetResult()).RootElement;
    }

    private static Process Run(string binary, string[] arguments) => Process.Start(new ProcessStartInfo(binary, arguments)
    {
        RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
    })!;

    private static long Resident(int pid)
    {
        var line = File.ReadLines($"/proc/{pid}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line[6..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture) * 1024;
    }

    private static void Wait(Func<bool> condition, string what, TimeSpan? limit = null)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            if (watch.Elapsed > (limit ?? TimeSpan.FromMinutes(5)))
                throw new TimeoutException("not in time: " + what);
            Pause(Look);
        }
    }

    private static void Pause(TimeSpan time)
    {
        using var pause = new ManualResetEventSlim();
        pause.Wait(time);
    }

    private static string F(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
