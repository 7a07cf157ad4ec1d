using Microsoft.AspNetCore.Connections;

namespace Holdfast.Web.Accept;

/// <summary>How a connection's handshake went: Kestrel says so at its debug level only.</summary>
internal sealed class Handshake
{
    private bool _isDone;

    /// <summary>Why it will fail, as <c>error.type</c>.</summary>
    public string Fault { get; set; } = "handshake";

    /// <summary>Stands before TLS: counts those that never came behind it.</summary>
    public static ConnectionDelegate Watch(ConnectionDelegate next, WebMetrics metrics) => async connection =>
    {
        var handshake = new Handshake();
        connection.Features.Set(handshake);
        await next(connection).ConfigureAwait(false);
        if (!handshake._isDone)
            metrics.ConnectionRefused(handshake.Fault);
    };

    /// <summary>Stands behind TLS.</summary>
    public static ConnectionDelegate Done(ConnectionDelegate next) => connection =>
    {
        if (connection.Features.Get<Handshake>() is { } handshake)
            handshake._isDone = true;
        return next(connection);
    };
}
