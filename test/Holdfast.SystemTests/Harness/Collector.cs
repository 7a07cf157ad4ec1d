using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Holdfast.SystemTests.Harness;

/// <summary>An OpenTelemetry collector that takes OTLP over gRPC and keeps the requests as they came.</summary>
internal sealed class Collector : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, ConcurrentQueue<byte[]>> _taken = new(StringComparer.Ordinal);

    private Collector(int port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, port, listen => listen.Protocols = HttpProtocols.Http2));
        _app = builder.Build();
        _app.MapPost("/opentelemetry.proto.collector.{signal}.v1.{service}/Export", TakeAsync);
    }

    public static async Task<Collector> StartAsync(int port)
    {
        var collector = new Collector(port);
        await collector._app.StartAsync();
        return collector;
    }

    /// <summary>Whether a request of this signal ("trace", "metrics", "logs") holds the text; strings stand in protobuf
    /// as they are.</summary>
    public bool Holds(string signal, string text) =>
        _taken.TryGetValue(signal, out var requests)
        && requests.Any(r => r.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0);

    public override string ToString() =>
        string.Join(", ", _taken.Select(t => $"{t.Value.Count} requests of {t.Key}, {t.Value.Sum(r => r.Length)} octets"));

    private async Task TakeAsync(HttpContext context, string signal)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        _taken.GetOrAdd(signal, _ => new()).Enqueue(body.ToArray());
        // gRPC: one empty message, uncompressed, then the status in the trailers.
        context.Response.ContentType = "application/grpc";
        await context.Response.Body.WriteAsync(new byte[5]);
        context.Response.AppendTrailer("grpc-status", "0");
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
