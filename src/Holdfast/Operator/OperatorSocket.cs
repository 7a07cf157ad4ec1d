using System.Net;
using System.Net.Sockets;
using System.Text;
using Holdfast.Configuration;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Win32.SafeHandles;

namespace Holdfast.Operator;

/// <summary>The Unix socket's file: where it is, who may open it, and what is left of it after a crash.</summary>
internal static class OperatorSocket
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public static string PathIn(string dataDirectory, OperatorOptions options) =>
        options.SocketPath.Length > 0 ? options.SocketPath : Path.Combine(dataDirectory, "holdfast.sock");

    /// <summary>Removes a socket that nobody listens on. Call with the data directory locked.</summary>
    /// <exception cref="IOException">With a message for a person.</exception>
    public static void Prepare(string path)
    {
        if (Encoding.UTF8.GetByteCount(path) > ConfigurationRules.SocketPathBytesMax)
            throw new IOException($"the socket's path {path} has more than "
                + $"{ConfigurationRules.SocketPathBytesMax} bytes; "
                + "set Holdfast:Operator:SocketPath to a shorter one, or choose another data directory");
        if (!File.Exists(path))
            return;
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
            return;
        }
        catch (SocketException e)
        {
            throw new IOException($"{path} is in the way of the operator socket ({e.Message}); remove it, or set "
                + "Holdfast:Operator:SocketPath", e);
        }
        throw new IOException($"another holdfast listens on {path}; stop it, or set Holdfast:Operator:SocketPath");
    }

    /// <summary>Binds as the transport does, but a Unix socket is never open to others, not even for a moment: Linux
    /// makes the file with the mode that the socket had before it was bound.</summary>
    public static Socket CreateBound(EndPoint endpoint)
    {
        if (endpoint is not UnixDomainSocketEndPoint)
            return SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            using var handle = new SafeFileHandle(socket.Handle, ownsHandle: false);
            if (OperatingSystem.IsLinux())
                File.SetUnixFileMode(handle, OwnerOnly);
            socket.Bind(endpoint);
            File.SetUnixFileMode(endpoint.ToString()!, OwnerOnly);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
