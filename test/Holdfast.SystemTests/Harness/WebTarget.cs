using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Holdfast.SystemTests.Harness;

/// <param name="Name">Said in each answer's X-Target.</param>
/// <param name="Workers">Requests worked on at once; 0: no work, every request is answered at once.</param>
/// <param name="Service">A request's work, give or take a quarter, evenly.</param>
/// <param name="Distance">Before each answer, no matter which: how far away the target is. Takes no worker.</param>
/// <param name="WaitingMax">Waiting beyond the workers; the rest is answered 503 at once.</param>
internal sealed record WebTargetOptions(string Name, int Workers = 0, TimeSpan Service = default,
    TimeSpan Distance = default, int WaitingMax = 2000);

/// <summary>An HTTP/1.1 target on loopback with an honest capacity, whose faults may change at any moment.</summary>
/// <remarks>Every path is answered 200 with a small body, a health check's like another's: it waits for a worker too and
/// meets the same faults, unless they spare its path. A request with X-Act is an act: it is written into the ledger when
/// its work is done, whether or not anybody still waits for the answer.</remarks>
internal sealed class WebTarget : IAsyncDisposable
{
    private static readonly byte[] Body = "The quick brown fox jumps over the lazy dog and goes home when it is late.\n"u8.ToArray();
    private readonly TimeProvider _clock = TimeProvider.System;
    private readonly WebTargetOptions _options;
    private readonly WebLedger? _ledger;
    private readonly WorkQueue _queue;
    private readonly Lock _gate = new();
    private readonly Random _random;
    private WebApplication? _app;
    private volatile WebFaults _faults = WebFaults.None;
    private long _requests;
    private long _served;

    public WebTarget(int port, WebTargetOptions options, WebLedger? ledger = null)
    {
        (Port, _options, _ledger) = (port, options, ledger);
        _queue = new WorkQueue(options.Workers, options.WaitingMax, _clock);
        _random = new Random(port);
    }

    public int Port { get; }
    /// <summary>Requests that came, health checks among them.</summary>
    public long Requests => Interlocked.Read(ref _requests);
    /// <summary>Requests whose work was done, whether or not anybody still waited.</summary>
    public long Served => Interlocked.Read(ref _served);

    public Task StartAsync() => SetAsync(WebFaults.None);

    public async Task SetAsync(WebFaults faults)
    {
        _faults = faults;
        _queue.Workers = (int)Math.Round(_options.Workers * faults.Capacity, MidpointRounding.AwayFromZero);
        if (faults.Refuse)
            await StopAsync().ConfigureAwait(false);
        else
            await ListenAsync().ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        _queue.Dispose();
    }

    private async Task ListenAsync()
    {
        if (_app is not null)
            return;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPAddress.Loopback, Port, listener => listener.Protocols = HttpProtocols.Http1);
        });
        var app = builder.Build();
        app.Run(ServeAsync);
        await app.StartAsync().ConfigureAwait(false);
        _app = app;
    }

    private async Task StopAsync()
    {
        if (_app is not { } app)
            return;
        _app = null;
        try
        {
            await app.StopAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // At once: what is under way is cut off.
        }
        await app.DisposeAsync().ConfigureAwait(false);
    }

    private async Task ServeAsync(HttpContext context)
    {
        Interlocked.Increment(ref _requests);
        var faults = _faults;
        var isSpared = faults.Spares is { } spared && context.Request.Path.StartsWithSegments(spared, StringComparison.Ordinal);
        if (!isSpared && faults.BlackHole)
        {
            var gone = new TaskCompletionSource();
            await using var registration = context.RequestAborted.Register(gone.SetResult);
            await gone.Task.ConfigureAwait(false);
            return;
        }
        if (!isSpared && faults.Reset)
        {
            context.Abort();
            return;
        }
        var isError = !isSpared && Draw() < faults.ErrorShare;
        var isTaken = isError || _options.Workers == 0
            || await _queue.WorkAsync(() => Work(isSpared ? WebFaults.None : _faults)).ConfigureAwait(false);
        if (!isError && isTaken)
        {
            Interlocked.Increment(ref _served);
            if (context.Request.Headers["X-Act"] is [{ Length: > 0 } act])
                _ledger?.Done(act);
        }
        if (_options.Distance > TimeSpan.Zero)
            await Task.Delay(_options.Distance, _clock, CancellationToken.None).ConfigureAwait(false);
        if (context.RequestAborted.IsCancellationRequested)
            return;
        context.Response.StatusCode = isError ? faults.ErrorStatus : isTaken ? 200 : 503;
        context.Response.ContentType = "text/plain";
        context.Response.ContentLength = Body.Length;
        context.Response.Headers["X-Target"] = _options.Name;
        await context.Response.Body.WriteAsync(Body, CancellationToken.None).ConfigureAwait(false);
    }

    private TimeSpan Work(WebFaults faults) => _options.Service * (faults.Slowdown * (0.75 + Draw() / 2));

    private double Draw()
    {
        lock (_gate)
            return _random.NextDouble();
    }
}
