using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Holdfast.SystemTests.Harness;

/// <summary>How a web target behaves.</summary>
internal enum WebMood
{
    /// <summary>Answers 200 with its name, the method, path and body length, and the header fields that it saw.</summary>
    Healthy,
    /// <summary>Answers 500.</summary>
    Failing,
    /// <summary>Answers 503 with Retry-After.</summary>
    Busy,
    /// <summary>Takes requests and never answers.</summary>
    Silent,
    /// <summary>Resets the connection.</summary>
    Resets,
    /// <summary>Sends half of an answer, then resets.</summary>
    BreaksOff,
}

/// <summary>A target of a web service, on Kestrel, that does what its mood says and counts what it saw.</summary>
internal sealed class ScriptedWebTarget : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly string _name;
    private volatile WebMood _mood;
    private int _requests;

    private ScriptedWebTarget(WebApplication app, string name, WebMood mood) => (_app, _name, _mood) = (app, name, mood);

    public WebMood Mood { get => _mood; set => _mood = value; }
    public int Port { get; private init; }
    public int Requests => Volatile.Read(ref _requests);
    /// <summary>Header fields of the last request.</summary>
    public IReadOnlyDictionary<string, string> LastHeaders { get; private set; } = new Dictionary<string, string>();

    /// <summary>Paths that a test answers itself.</summary>
    public Func<HttpContext, Task<bool>>? Serve { get; set; }

    public static async Task<ScriptedWebTarget> StartAsync(int port, string name, WebMood mood = WebMood.Healthy,
        Action<ListenOptions>? listen = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k =>
        {
            k.Limits.MaxRequestBodySize = null;
            k.Limits.MinRequestBodyDataRate = null;
            k.Listen(IPAddress.Loopback, port, o =>
            {
                o.Protocols = HttpProtocols.Http1;
                listen?.Invoke(o);
            });
        });
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var target = new ScriptedWebTarget(app, name, mood) { Port = port };
        app.UseWebSockets();
        app.Run(target.AnswerAsync);
        await app.StartAsync();
        return target;
    }

    private async Task AnswerAsync(HttpContext context)
    {
        Interlocked.Increment(ref _requests);
        LastHeaders = context.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(),
            StringComparer.OrdinalIgnoreCase);
        switch (Mood)
        {
            case WebMood.Failing:
                context.Response.StatusCode = 500;
                return;
            case WebMood.Busy:
                context.Response.StatusCode = 503;
                context.Response.Headers.RetryAfter = "1";
                return;
            case WebMood.Silent:
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
                return;
            case WebMood.Resets:
                Reset(context);
                return;
            case WebMood.BreaksOff:
                context.Response.ContentLength = 1000;
                await context.Response.WriteAsync("the first half");
                await context.Response.Body.FlushAsync();
                Reset(context);
                return;
        }
        if (Serve is not null && await Serve(context))
            return;
        long length = 0;
        var buffer = new byte[64 << 10];
        for (int read; (read = await context.Request.Body.ReadAsync(buffer, context.RequestAborted)) > 0;)
            length += read;
        context.Response.Headers["X-Target"] = _name;
        await context.Response.WriteAsync(string.Create(CultureInfo.InvariantCulture,
            $"{_name} {context.Request.Method} {context.Request.Path}{context.Request.QueryString} {length}"));
    }

    /// <summary>With nothing left to linger for: the other side sees a reset.</summary>
    private static void Reset(HttpContext context)
    {
        var socket = context.Features.Get<IConnectionSocketFeature>()!.Socket;
        socket.LingerState = new System.Net.Sockets.LingerOption(true, 0);
        socket.Close();
        context.Features.Get<IHttpRequestLifetimeFeature>()!.Abort();
    }

    /// <summary>Goes as a machine goes: whatever runs is broken off, and connections are refused from now on.</summary>
    public Task LoseAsync() => _app.StopAsync(new CancellationToken(canceled: true));

    public async ValueTask DisposeAsync()
    {
        using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(1), TimeProvider.System);
        await _app.StopAsync(soon.Token);
        await _app.DisposeAsync();
    }
}
