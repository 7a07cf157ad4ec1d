using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Holdfast.Web.Accept;

/// <summary>Versions of HTTP that a listener speaks.</summary>
public enum WebProtocols
{
    /// <summary>HTTP/1.1 (and 1.0).</summary>
    Http1 = 0,
    /// <summary>HTTP/2 alone: with TLS by ALPN, without by prior knowledge.</summary>
    Http2 = 1,
    /// <summary>What client and listener agree on by ALPN. Needs TLS.</summary>
    Http1AndHttp2 = 2,
    /// <summary>HTTP/3 besides, on the UDP port of the same number, told to clients by <c>Alt-Svc</c>. Needs TLS, and
    /// QUIC on this machine; where that is missing the listener goes on without it.</summary>
    Http1AndHttp2AndHttp3 = 3,
}

/// <summary>One address and port where web requests are taken in.</summary>
public sealed class WebListenerOptions
{
    /// <summary>Name in logs and metrics; unique.</summary>
    [Required] public string Name { get; set; } = "";

    /// <summary>IP address and port, for example <c>0.0.0.0:443</c> or <c>[::]:443</c>.</summary>
    [Required] public string Endpoint { get; set; } = "";

    /// <summary>Versions of HTTP that it speaks.</summary>
    /// <value>With certificates <see cref="WebProtocols.Http1AndHttp2"/>, without <see cref="WebProtocols.Http1"/>.
    /// </value>
    public WebProtocols? Protocols { get; set; }

    /// <summary>Certificates by the name that a client asks for (SNI); with any, the listener speaks TLS alone (1.2 and
    /// later).</summary>
    /// <value>None: cleartext.</value>
    [ValidateEnumeratedItems] public WebCertificateOptions[] Certificates { get; set; } = [];

    internal bool IsTls => Certificates.Length > 0;

    internal WebProtocols Spoken => Protocols ?? (IsTls ? WebProtocols.Http1AndHttp2 : WebProtocols.Http1);
}

/// <summary>A certificate, its key, and the names that are served with it.</summary>
public sealed class WebCertificateOptions
{
    /// <summary>Names that clients ask for: <c>store.example</c>, or <c>*.store.example</c> for any one label before
    /// it. The exact name goes before the pattern.</summary>
    /// <value>Empty: the listener's default, for clients that ask for no name or for one that no other is for. Without
    /// a default such clients are refused.</value>
    public string[] Hosts { get; set; } = [];

    /// <summary>PEM file with the certificate, ours first, then its chain. Read again when it changes.</summary>
    [Required] public string CertificateFile { get; set; } = "";

    /// <summary>PEM file with the private key. Read again when it changes.</summary>
    /// <value>Empty: the key is in <see cref="CertificateFile"/>.</value>
    public string KeyFile { get; set; } = "";
}
