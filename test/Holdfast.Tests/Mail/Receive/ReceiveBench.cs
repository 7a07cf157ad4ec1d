using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.IO.Pipelines;
using System.Text;
using Holdfast.Mail.Receive;
using Holdfast.Storage.Keys;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Mail.Receive;

/// <summary>A receiving end on pipes, with a clock that the test moves.</summary>
internal sealed class ReceiveBench : IAsyncDisposable
{
    public const string Relay = "127.0.0.1:2525";
    public const string Inbound = "192.0.2.1:25";
    public const string Submission = "127.0.0.1:2587";
    public const string Password = "correct horse";
    private static readonly string PasswordLine = PasswordHash.CreateLine("ann@example.org", Password);

    public ReceiveBench(Action<ReceiveOptions>? change = null)
    {
        Options = DefaultOptions();
        change?.Invoke(Options);
        Assert.Null(new ReceiveOptionsValidation().Validate(null, Options).FailureMessage);
        Monitor = new MonitorDouble(Options);
        Files["users"] = PasswordLine;
        Spool = new SpoolDouble(Time);
        Server = new ReceiveServer(Monitor, () => "mx.example.org", Spool, Evidence, new ReceiveMetrics(new Meters()), Listeners, Files, null,
            Time, new LogDouble(Log));
    }

    public ReceiveOptions Options { get; }
    public MonitorDouble Monitor { get; }
    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 1, 22, 17, 45, 0, TimeSpan.Zero));
    public SpoolDouble Spool { get; }
    public EvidenceDouble Evidence { get; } = new();
    /// <summary>Lines of the log.</summary>
    public ConcurrentQueue<string> Log { get; } = new();
    public MemoryListenerFactory Listeners { get; } = new();
    public FilesDouble Files { get; } = new();
    public ReceiveServer Server { get; }

    public static ReceiveOptions DefaultOptions() => new()
    {
        GreetingDelay = TimeSpan.Zero,
        SignInDelay = TimeSpan.Zero,
        UsersFile = "users",
        Listeners =
        [
            new ListenerOptions
            {
                Name = "relay", Endpoint = Relay, Role = ListenerRole.Relay, TrustedNetworks = ["127.0.0.0/8"],
            },
            new ListenerOptions { Name = "inbound", Endpoint = Inbound, Domains = ["example.org", ".sub.example.org"] },
            new ListenerOptions
            {
                Name = "submission", Endpoint = Submission, Role = ListenerRole.Submission, AllowPlainTextAuth = true,
            },
        ],
    };

    public static async Task<ReceiveBench> StartAsync(Action<ReceiveOptions>? change = null)
    {
        var bench = new ReceiveBench(change);
        await bench.Server.StartAsync(TestContext.Current.CancellationToken);
        return bench;
    }

    /// <summary>Connects and reads the greeting.</summary>
    public async Task<Conversation> ConnectAsync(string endpoint = Relay, string from = "127.0.0.1")
    {
        var conversation = Open(endpoint, from);
        Assert.StartsWith("220 ", await conversation.ReadReplyAsync(), StringComparison.Ordinal);
        return conversation;
    }

    public Conversation Open(string endpoint = Relay, string from = "127.0.0.1") => new(Listeners.Connect(endpoint, from));

    /// <summary>Moves the clock in steps of the sweep, with time for the sessions to act in between.</summary>
    public async Task AdvanceAsync(TimeSpan by)
    {
        var step = TimeSpan.FromSeconds(1);
        for (var left = by; left > TimeSpan.Zero; left -= step)
        {
            Time.Advance(left < step ? left : step);
            await Task.Yield();
        }
    }

    /// <summary>Waits until every session waits for its client.</summary>
    public async Task UntilWaitingAsync()
    {
        for (var quiet = 0; quiet < 20; quiet++)
        {
            await Task.Yield();
            if (!Server.AllWait)
                quiet = 0;
        }
    }

    public ValueTask DisposeAsync() => Server.DisposeAsync();

    internal sealed class MonitorDouble(ReceiveOptions options) : IOptionsMonitor<ReceiveOptions>
    {
        private Action<ReceiveOptions, string?>? _changed;
        public ReceiveOptions CurrentValue { get; private set; } = options;
        public ReceiveOptions Get(string? name) => CurrentValue;

        public IDisposable? OnChange(Action<ReceiveOptions, string?> listener)
        {
            _changed += listener;
            return null;
        }

        public void Change(ReceiveOptions options)
        {
            CurrentValue = options;
            _changed?.Invoke(options, null);
        }
    }

    internal sealed class FilesDouble : IFileSource
    {
        private readonly Dictionary<string, (DateTime At, byte[] Bytes)> _files = [];
        private int _writes;

        public string this[string path]
        {
            set => _files[path] = (DateTime.UnixEpoch.AddSeconds(++_writes), Encoding.UTF8.GetBytes(value));
        }

        public void Remove(string path) => _files.Remove(path);

        /// <summary>Paths that were looked at, each time.</summary>
        public ConcurrentQueue<string> Looks { get; } = new();

        public FileStamp? Stamp(string path)
        {
            Looks.Enqueue(path);
            return Find(path);
        }

        private FileStamp? Find(string path) =>
            _files.TryGetValue(path, out var file) ? new FileStamp(file.At, file.Bytes.Length) : null;

        public Task<byte[]> ReadAsync(string path, CancellationToken abort) =>
            _files.TryGetValue(path, out var file) ? Task.FromResult(file.Bytes) : throw new FileNotFoundException(path);
    }

    private sealed class LogDouble(ConcurrentQueue<string> lines) : ILoggerFactory, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;
        public void AddProvider(ILoggerProvider provider) { }
        public void Dispose() { }
        public bool IsEnabled(LogLevel logLevel) => true;
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) => lines.Enqueue(formatter(state, exception));
    }

    private sealed class Meters : IMeterFactory
    {
        public Meter Create(MeterOptions options) => new(options);
        public void Dispose() { }
    }
}

/// <summary>The client's side of a session.</summary>
internal sealed class Conversation(MemoryConnection connection)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private PipeReader _input = connection.Client.Input;
    private PipeWriter _output = connection.Client.Output;

    public MemoryConnection Connection { get; } = connection;

    /// <summary>Uses other pipes from now on: those of a TLS stream.</summary>
    public void Switch(PipeReader input, PipeWriter output) => (_input, _output) = (input, output);

    public async Task SendAsync(string text)
    {
        await _output.WriteAsync(Encoding.Latin1.GetBytes(text));
    }

    /// <summary>Sends a line and reads its reply, lines joined by '\n' without CR.</summary>
    public async Task<string> SayAsync(string line)
    {
        await SendAsync(line + "\r\n");
        return await ReadReplyAsync();
    }

    /// <summary>Says each line; fails unless its reply begins as expected.</summary>
    public async Task ExpectAsync(params (string Line, string Reply)[] exchange)
    {
        foreach (var (line, reply) in exchange)
            Assert.StartsWith(reply, await SayAsync(line), StringComparison.Ordinal);
    }

    /// <summary>One whole reply, or "" when the server closed.</summary>
    public async Task<string> ReadReplyAsync()
    {
        var lines = new List<string>();
        while (true)
        {
            var read = await _input.ReadAsync().AsTask().WaitAsync(Patience, TestContext.Current.CancellationToken);
            var buffer = read.Buffer;
            while (buffer.PositionOf((byte)'\n') is { } end)
            {
                var line = Encoding.UTF8.GetString(buffer.Slice(0, end)).TrimEnd('\r');
                buffer = buffer.Slice(buffer.GetPosition(1, end));
                lines.Add(line);
                if (line.Length < 4 || line[3] != '-')
                {
                    _input.AdvanceTo(buffer.Start);
                    return string.Join('\n', lines);
                }
            }
            _input.AdvanceTo(buffer.Start, buffer.End);
            if (read.IsCompleted)
                return string.Join('\n', lines);
        }
    }

    /// <summary>Says EHLO, MAIL, RCPT and DATA, up to the 354.</summary>
    public Task BeginDataAsync(string sender = "a@example.org", string recipient = "b@example.com") => ExpectAsync(
        ("EHLO client.example.org", "250-"), ($"MAIL FROM:<{sender}>", "250 2.1.0"),
        ($"RCPT TO:<{recipient}>", "250 2.1.5"), ("DATA", "354 "));
}
