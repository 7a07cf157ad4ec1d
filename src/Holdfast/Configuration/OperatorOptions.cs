namespace Holdfast.Configuration;

/// <summary>Where operators reach the process: section <c>Holdfast:Operator</c>. Needs a restart to change.</summary>
internal sealed class OperatorOptions
{
    /// <summary>Loopback address and port of the read-only HTTP endpoints; empty: none.</summary>
    /// <value>127.0.0.1:8080. Loopback addresses only.</value>
    public string HttpEndpoint { get; set; } = "127.0.0.1:8080";

    /// <summary>Unix socket through which commands act; only its owner can open it.</summary>
    /// <value>Empty: <c>holdfast.sock</c> in the data directory. At most 107 bytes.</value>
    public string SocketPath { get; set; } = "";
}
