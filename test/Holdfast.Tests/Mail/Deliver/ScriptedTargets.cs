using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Holdfast.Mail.Deliver;

namespace Holdfast.Tests.Mail.Deliver;

/// <summary>SMTP servers on pipes: each port plays the script that the test gave it.</summary>
internal sealed class ScriptedTargets : ITargetDialer
{
    public ConcurrentDictionary<int, ScriptedTarget> Targets { get; } = new();

    public ScriptedTarget Add(int port) => Targets.GetOrAdd(port, _ => new ScriptedTarget());

    private readonly ConcurrentDictionary<IPAddress, ScriptedTarget> _hosts = new();

    /// <summary>A server at an address, whatever the port.</summary>
    public ScriptedTarget AddHost(IPAddress address) => _hosts.GetOrAdd(address, _ => new ScriptedTarget());

    public ValueTask<TargetTransport> DialAsync(IPEndPoint endpoint, CancellationToken abort)
    {
        if ((!_hosts.TryGetValue(endpoint.Address, out var target)
            && !Targets.TryGetValue(endpoint.Port, out target)) || target.Refuses)
            throw new SocketException((int)SocketError.ConnectionRefused);
        return ValueTask.FromResult(target.Connect());
    }

    /// <summary>Nothing is under way at any target: each waits for us, for the test's clock, or says nothing more.
    /// </summary>
    public bool AreAtRest => All.All(t => t.IsAtRest);

    /// <summary>Connections on which we wait for a target that is at rest.</summary>
    public int Awaited => All.Sum(t => t.Awaited);

    /// <summary>How much has happened so far.</summary>
    public long Moves => All.Sum(t => t.Moves);

    private IEnumerable<ScriptedTarget> All => Targets.Values.Concat(_hosts.Values);
}

internal enum WriteFault : byte
{
    None = 0,
    /// <summary>The bytes arrive, the write fails, the target's answers can still be read.</summary>
    Writing = 1,
    /// <summary>The bytes arrive, the write fails, and so does reading.</summary>
    Both = 2,
}

internal sealed record TakenMail(string Sender, IReadOnlyList<string> Recipients, string Content);

/// <summary>One target: answers by rule, keeps what it took.</summary>
internal sealed class ScriptedTarget
{
    /// <summary>An answer that means: say nothing more on this connection.</summary>
    public const string Silence = "(silence)";
    /// <summary>An answer that means: break the connection.</summary>
    public const string Reset = "(reset)";

    public bool Refuses { get; set; }
    public string Greeting { get; set; } = "220 target.example ESMTP";
    public string[] Offers { get; set; } = ["PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 50000000", "DSN"];
    /// <summary>Answer to a command line, or to "." for the final dot; null: the usual one.</summary>
    public Func<string, string?> Script { get; set; } = _ => null;
    /// <summary>Waited for before the answer to a command line, or to "." for the final dot.</summary>
    public Func<string, Task> Pause { get; set; } = _ => Task.CompletedTask;
    /// <summary>Says of each write of ours whether it fails although its bytes arrive.</summary>
    public Func<string, WriteFault> Fails { get; set; } = _ => WriteFault.None;
    public ConcurrentQueue<TakenMail> Mail { get; } = new();
    /// <summary>Command lines in the order in which they came, over all connections.</summary>
    public ConcurrentQueue<string> Commands { get; } = new();
    /// <summary>For STARTTLS; without it the target can't.</summary>
    public X509Certificate2? Certificate { get; set; }
    /// <summary>Those of <see cref="Commands"/> that came encrypted.</summary>
    public ConcurrentQueue<string> Encrypted { get; } = new();
    /// <summary>What arrived in one piece, for golden transcripts.</summary>
    public ConcurrentQueue<string> Chunks { get; } = new();
    private readonly ConcurrentDictionary<Served, byte> _served = new();
    private int _connections;
    private long _moves;
    public long Moves => Interlocked.Read(ref _moves);
    public bool IsAtRest => _served.Keys.All(s => s.IsAtRest);
    public int Awaited => _served.Keys.Count(s => s.ToClient.IsWaitedFor);
    public int Connections => Volatile.Read(ref _connections);
    private PipeWriter? _latest;

    /// <summary>Says something unasked on the latest connection.</summary>
    public async Task SayAsync(string line) => await AnswerAsync(null, _latest!, line);

    public TargetTransport Connect()
    {
        Interlocked.Increment(ref _connections);
        var served = new Served(() => Interlocked.Increment(ref _moves));
        _served.TryAdd(served, 0);
        _latest = served.ToClient.Writer;
        _ = ServeAsync(served, served.ToServer.Reader, served.ToClient.Writer);
        return new PipeTransport(served, this);
    }

    /// <summary>One connection.</summary>
    private sealed class Served(Action moved)
    {
        private Task? _pause;
        public ScriptedPipe ToServer { get; } = new(moved);
        public ScriptedPipe ToClient { get; } = new(moved);
        public bool IsAtRest => ToServer.IsWaitedFor || Volatile.Read(ref _pause) is { IsCompleted: false };

        public async Task WaitAsync(Task pause)
        {
            Volatile.Write(ref _pause, pause);
            await pause;
            Volatile.Write(ref _pause, null);
        }
    }

    private async Task ServeAsync(Served served, PipeReader input, PipeWriter output)
    {
        var pending = new StringBuilder();
        var sender = "";
        var refused = false;
        var isSecure = false;
        var recipients = new List<string>();
        StringBuilder? content = null;
        try
        {
            if (!await AnswerAsync(served, output, Greeting))
                return;
            while (true)
            {
                var read = await input.ReadAsync();
                var chunk = Encoding.Latin1.GetString(System.Buffers.BuffersExtensions.ToArray(read.Buffer));
                input.AdvanceTo(read.Buffer.End);
                if (chunk.Length > 0)
                    Chunks.Enqueue(chunk);
                pending.Append(chunk);
                while (true)
                {
                    var text = pending.ToString();
                    var end = text.IndexOf("\r\n", StringComparison.Ordinal);
                    if (end < 0)
                        break;
                    var line = text[..end];
                    pending.Remove(0, end + 2);
                    if (content is not null)
                    {
                        if (line != ".")
                        {
                            content.Append(line.StartsWith('.') ? line[1..] : line).Append("\r\n");
                            continue;
                        }
                        var final = Script(".") ?? "250 2.0.0 taken";
                        Commands.Enqueue(".");
                        await served.WaitAsync(Pause("."));
                        if (isSecure)
                            Encrypted.Enqueue(".");
                        if (final.StartsWith('2'))
                            Mail.Enqueue(new TakenMail(sender, [.. recipients], content.ToString()));
                        content = null;
                        if (!await AnswerAsync(served, output, final))
                            return;
                        continue;
                    }
                    Commands.Enqueue(line);
                    await served.WaitAsync(Pause(line));
                    if (isSecure)
                        Encrypted.Enqueue(line);
                    var answer = Script(line);
                    var verb = line.Split(' ', ':')[0].ToUpperInvariant();
                    switch (verb)
                    {
                        case "EHLO":
                            answer ??= Offers.Length == 0 ? "250 target.example" : "250-target.example\r\n"
                                + string.Concat(Offers[..^1].Select(o => $"250-{o}\r\n")) + $"250 {Offers[^1]}";
                            break;
                        case "MAIL":
                            answer ??= "250 2.1.0 sender ok";
                            refused = !answer.StartsWith('2');
                            sender = Path(line);
                            recipients.Clear();
                            break;
                        case "RCPT":
                            answer ??= refused ? "503 5.5.1 MAIL first" : "250 2.1.5 recipient ok";
                            if (answer.StartsWith('2'))
                                recipients.Add(Path(line));
                            break;
                        case "DATA":
                            answer ??= recipients.Count > 0 ? "354 go on" : "554 5.5.1 no valid recipients";
                            if (answer.StartsWith("354", StringComparison.Ordinal))
                                content = new StringBuilder();
                            break;
                        case "QUIT":
                            await AnswerAsync(served, output, "221 2.0.0 bye");
                            return;
                        default:
                            answer ??= "250 2.0.0 ok";
                            break;
                    }
                    if (!await AnswerAsync(served, output, answer))
                        return;
                    if (verb != "STARTTLS" || Certificate is null)
                        continue;
                    var secure = new SslStream(new PairStream(input, output, served.ToServer, new ScriptedTarget()));
                    await secure.AuthenticateAsServerAsync(Certificate);
                    (input, output, isSecure) = (PipeReader.Create(secure), PipeWriter.Create(secure), true);
                }
                if (read.IsCompleted)
                    return;
            }
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            // The client went away.
        }
        finally
        {
            await output.CompleteAsync();
            await input.CompleteAsync();
            _served.TryRemove(served, out _);
        }
    }

    /// <summary>False: the connection ends here.</summary>
    private static async Task<bool> AnswerAsync(Served? served, PipeWriter output, string answer)
    {
        if (answer == Reset)
            return false;
        if (answer == Silence)
            await served!.WaitAsync(Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, CancellationToken.None));
        await output.WriteAsync(Encoding.Latin1.GetBytes(answer + "\r\n"));
        return true;
    }

    private static string Path(string line)
    {
        var open = line.IndexOf('<', StringComparison.Ordinal);
        return line[(open + 1)..line.IndexOf('>', StringComparison.Ordinal)];
    }

    private sealed class PipeTransport(Served served, ScriptedTarget target) : TargetTransport
    {
        private readonly PipeReader _input = served.ToClient.Reader;

        public override Stream Stream { get; } = new PairStream(served.ToClient.Reader, served.ToServer.Writer,
            served.ToClient, target);
        public override void Abort() => ((PairStream)Stream).Abort();

        public override Unread Peek()
        {
            if (!_input.TryRead(out var read))
                return Unread.Nothing;
            _input.AdvanceTo(read.Buffer.Start, read.Buffer.Start);
            return read.Buffer.Length > 0 ? Unread.Octets : Unread.End;
        }

        public override async ValueTask DisposeAsync()
        {
            await _input.CompleteAsync();
            await served.ToServer.Writer.CompleteAsync();
        }
    }

    private sealed class PairStream(PipeReader input, PipeWriter output, ScriptedPipe reading, ScriptedTarget target)
        : Stream
    {
        private readonly CancellationTokenSource _aborted = new();

        public void Abort()
        {
            reading.BreakOff();
            _aborted.Cancel();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer,
            CancellationToken cancellationToken = default)
        {
            ReadResult read;
            try
            {
                read = await input.ReadAsync(_aborted.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or InvalidOperationException)
            {
                throw new IOException("broken off", e);
            }
            var length = (int)Math.Min(buffer.Length, read.Buffer.Length);
            System.Buffers.BuffersExtensions.CopyTo(read.Buffer.Slice(0, length), buffer.Span);
            input.AdvanceTo(read.Buffer.GetPosition(length));
            return length;
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer,
            CancellationToken cancellationToken = default)
        {
            FlushResult flushed;
            try
            {
                flushed = await output.WriteAsync(buffer, _aborted.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or InvalidOperationException)
            {
                throw new IOException("broken off", e);
            }
            var fault = target.Fails(Encoding.Latin1.GetString(buffer.Span));
            if (fault == WriteFault.Both)
                Abort();
            if (flushed.IsCompleted || fault != WriteFault.None)
                throw new IOException("reset by peer");
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count,
            CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Flush() { }
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
