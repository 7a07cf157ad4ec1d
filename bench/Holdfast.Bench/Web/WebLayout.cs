namespace Holdfast.Bench.Web;

/// <param name="IsHome">In the region whose proxy is measured; the others are its reserve.</param>
internal sealed record WebBackend(string Name, int Port, bool IsHome);

/// <summary>What every proxy is given: where to listen, and the same targets.</summary>
/// <param name="PlainPort">HTTP/1.1 in the clear.</param>
/// <param name="TlsPort">HTTP/2 and HTTP/1.1 over TLS, as a browser asks for it.</param>
/// <param name="Certificate">PEM file of the certificate.</param>
/// <param name="Key">PEM file of its key.</param>
internal sealed record WebLayout(int PlainPort, int TlsPort, string Certificate, string Key, IReadOnlyList<WebBackend> Backends)
{
    /// <summary>The path of health checks.</summary>
    public const string HealthPath = "/health";
    /// <summary>Says who asks: all come from one address here.</summary>
    public const string UserHeader = "X-User";
    /// <summary>The client waits so long, and every proxy that can be told is told.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(2);
}
