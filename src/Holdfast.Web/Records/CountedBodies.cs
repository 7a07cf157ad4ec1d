using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Holdfast.Web.Records;

/// <summary>Stands before the server's own bodies of one request and counts; upgraded connections too.</summary>
internal sealed class CountedBodies : IHttpResponseBodyFeature, IHttpUpgradeFeature, IHttpExtendedConnectFeature
{
    private readonly IHttpResponseBodyFeature _response;
    private readonly IHttpUpgradeFeature? _upgrade;
    private readonly IHttpExtendedConnectFeature? _connect;

    private CountedBodies(HttpContext context, IHttpResponseBodyFeature response)
    {
        _response = response;
        Stream = new CountedStream(response.Stream, Bytes);
        context.Request.Body = new CountedStream(context.Request.Body, Bytes);
        var features = context.Features;
        features.Set<IHttpResponseBodyFeature>(this);
        if ((_upgrade = features.Get<IHttpUpgradeFeature>()) is { IsUpgradableRequest: true })
            features.Set<IHttpUpgradeFeature>(this);
        if ((_connect = features.Get<IHttpExtendedConnectFeature>()) is { IsExtendedConnect: true })
            features.Set<IHttpExtendedConnectFeature>(this);
    }

    /// <summary>Begins to count; null: this server has nothing to count with.</summary>
    public static BodyBytes? Of(HttpContext context) =>
        context.Features.Get<IHttpResponseBodyFeature>() is { } response
            ? new CountedBodies(context, response).Bytes : null;

    public BodyBytes Bytes { get; } = new();
    public Stream Stream { get; }
    public PipeWriter Writer => _response.Writer;
    public bool IsUpgradableRequest => _upgrade!.IsUpgradableRequest;
    public bool IsExtendedConnect => _connect!.IsExtendedConnect;
    public string? Protocol => _connect!.Protocol;

    public async Task<Stream> UpgradeAsync() =>
        new CountedStream(await _upgrade!.UpgradeAsync().ConfigureAwait(false), Bytes);

    public async ValueTask<Stream> AcceptAsync() =>
        new CountedStream(await _connect!.AcceptAsync().ConfigureAwait(false), Bytes);

    public Task StartAsync(CancellationToken cancellationToken = default) => _response.StartAsync(cancellationToken);
    public Task CompleteAsync() => _response.CompleteAsync();
    public void DisableBuffering() => _response.DisableBuffering();

    public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) =>
        _response.SendFileAsync(path, offset, count, cancellationToken);
}
