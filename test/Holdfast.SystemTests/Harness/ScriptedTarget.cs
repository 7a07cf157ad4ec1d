using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Holdfast.SystemTests.Harness;

/// <summary>How a target treats its callers; may change at any moment.</summary>
internal enum Mood { Healthy, RefuseRcpt, RefuseData, RefuseDot, Silent, Reset, Down, SilentAfterDot }

/// <summary>A site's SMTP target on loopback that plays the outage and keeps account of what it took.</summary>
internal sealed class ScriptedTarget : IAsyncDisposable
{
    private readonly int _port;
    private readonly ConcurrentDictionary<Task, byte> _sessions = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<string, int> _delivered = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, byte> _unanswered = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _order = new();
    private readonly ConcurrentQueue<string> _envelopes = new();
    private readonly ConcurrentQueue<string> _contents = new();
    private TcpListener? _listener;
    private Task _accepting = Task.CompletedTask;
    private volatile Mood _mood;
    private int _rcpts;
    private int _refusedRcpts;
    private int _connections;
    private int _darkConnections;

    public ScriptedTarget(int port, Mood mood = Mood.Healthy)
    {
        _port = port;
        Mood = mood;
    }

    /// <summary>Most messages a second; the rest wait. 0: no limit.</summary>
    public int MessagesPerSecond { get; set; }
    public string Refusal { get; set; } = "451 4.3.2 Temporary server error. Please try again later";
    public int Rcpts => Volatile.Read(ref _rcpts);
    /// <summary>RCPTs that came while the target was not healthy.</summary>
    public int WastedRcpts => Volatile.Read(ref _refusedRcpts);
    public int Connections => Volatile.Read(ref _connections);
    /// <summary>Connections that were made while the target was not healthy; while it is down nobody sees them.</summary>
    public int WastedConnections => Volatile.Read(ref _darkConnections);
    /// <summary>Markers (X-Marker header values) of messages answered with 250, in order.</summary>
    public IReadOnlyCollection<string> Order => _order;
    public int DeliveredCount => _delivered.Count;
    public int DuplicateCount => _delivered.Values.Sum(n => n - 1);
    public bool Has(string marker) => _delivered.ContainsKey(marker);
    public int Copies(string marker) => _delivered.GetValueOrDefault(marker);
    /// <summary>True for a message that came with its final dot and got no reply to it: the sender can't know whether
    /// it was delivered.</summary>
    public bool LeftUnanswered(string marker) => _unanswered.ContainsKey(marker);
    public string? LastContent { get; private set; }
    /// <summary>What is offered after EHLO.</summary>
    public IReadOnlyList<string> Extensions { get; set; } =
        ["PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN", "SIZE 157286400"];
    /// <summary>The refusal of a recipient by its RCPT line; null takes it.</summary>
    public Func<string, string?> RefuseRecipient { get; set; } = _ => null;
    /// <summary>MAIL and RCPT lines as they came.</summary>
    public IReadOnlyCollection<string> Envelopes => _envelopes;
    /// <summary>Contents answered with 250, dots unstuffed; only kept when asked to before they come.</summary>
    public IReadOnlyCollection<string> Contents => _contents;
    public bool KeepsContents { get; set; }

    public Mood Mood
    {
        get => _mood;
        set
        {
            _mood = value;
            if (value == Mood.Down)
            {
                _listener?.Stop();
                _listener = null;
            }
            else if (_listener is null)
            {
                _listener = new TcpListener(IPAddress.Loopback, _port);
                _listener.Server.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
                _listener.Start(1024);
                _accepting = AcceptAsync(_listener);
            }
        }
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync(_stop.Token);
                Interlocked.Increment(ref _connections);
                if (_mood != Mood.Healthy)
                    Interlocked.Increment(ref _darkConnections);
                var session = SessionAsync(client);
                _sessions.TryAdd(session, 0);
                _ = session.ContinueWith(t => _sessions.TryRemove(t, out _), TaskScheduler.Default);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException
            or InvalidOperationException)
        {
            // The listener was stopped.
        }
    }

    private async Task SessionAsync(TcpClient client)
    {
        try
        {
            using var _ = client;
            client.NoDelay = true;
            var stream = client.GetStream();
            using var reader = new StreamReader(stream, Encoding.Latin1, false, 65536);
            var pending = new StringBuilder();
            async Task Say(string line)
            {
                pending.Append(line).Append("\r\n");
                await stream.WriteAsync(Encoding.Latin1.GetBytes(pending.ToString()), _stop.Token);
                pending.Clear();
            }

            if (!await MayGoOnAsync(client))
                return;
            await Say("220 target.test ESMTP");
            while (await reader.ReadLineAsync(_stop.Token) is { } line)
            {
                if (!await MayGoOnAsync(client))
                    return;
                switch (line.Split(' ')[0].ToUpperInvariant())
                {
                    case "EHLO":
                        await Say(string.Concat(Extensions.Select(e => $"250-{e}\r\n")) + "250 HELP");
                        break;
                    case "MAIL":
                        _envelopes.Enqueue(line);
                        await Say("250 2.1.0 Ok");
                        break;
                    case "RCPT":
                        Interlocked.Increment(ref _rcpts);
                        if (_mood != Mood.Healthy)
                            Interlocked.Increment(ref _refusedRcpts);
                        _envelopes.Enqueue(line);
                        await Say(_mood == Mood.RefuseRcpt ? Refusal : RefuseRecipient(line) ?? "250 2.1.5 Ok");
                        break;
                    case "DATA":
                        if (_mood == Mood.RefuseData)
                        {
                            await Say(Refusal);
                            break;
                        }
                        await Say("354 Go on");
                        if (!await TakeContentAsync(reader, client, Say))
                            return;
                        break;
                    case "QUIT":
                        await Say("221 2.0.0 Bye");
                        return;
                    default:
                        await Say("250 2.0.0 Ok");
                        break;
                }
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException
            or ObjectDisposedException)
        {
            // The caller went away or the test ended.
        }
    }

    private async Task<bool> TakeContentAsync(StreamReader reader, TcpClient client, Func<string, Task> say)
    {
        var content = new StringBuilder();
        var marker = "";
        while (true)
        {
            var line = await reader.ReadLineAsync(_stop.Token);
            if (line is null)
                return false;
            if (line == ".")
                break;
            if (line.StartsWith("X-Marker: ", StringComparison.Ordinal))
                marker = line[10..];
            if (content.Length < 1_000_000)
                content.Append(line.StartsWith('.') ? line[1..] : line).Append("\r\n");
        }
        _unanswered.TryAdd(marker, 0);
        if (!await MayGoOnAsync(client))
            return false;
        if (_mood == Mood.RefuseDot)
        {
            await say(Refusal);
            _unanswered.TryRemove(marker, out _);
            return true;
        }
        if (MessagesPerSecond > 0)
            await Task.Delay(TimeSpan.FromSeconds(1.0 / MessagesPerSecond), TimeProvider.System, _stop.Token);
        LastContent = content.ToString();
        if (KeepsContents)
            _contents.Enqueue(LastContent);
        if (marker.Length > 0)
        {
            _delivered.AddOrUpdate(marker, 1, (_, n) => n + 1);
            _order.Enqueue(marker);
        }
        if (_mood == Mood.SilentAfterDot)
            return await WaitForEverAsync();
        await say("250 2.0.0 Taken");
        _unanswered.TryRemove(marker, out _);
        return true;
    }

    /// <summary>False when the session is to end without a word; never returns while the target is silent.</summary>
    private async Task<bool> MayGoOnAsync(TcpClient client)
    {
        switch (_mood)
        {
            case Mood.Silent:
                return await WaitForEverAsync();
            case Mood.Reset:
                client.LingerState = new LingerOption(true, 0);
                client.Close();
                return false;
            case Mood.Down:
                client.Close();
                return false;
            default:
                return true;
        }
    }

    private async Task<bool> WaitForEverAsync()
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, _stop.Token);
        return false;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener?.Stop();
        await _accepting;
        await Task.WhenAll(_sessions.Keys);
        _stop.Dispose();
    }
}
