using System.Globalization;

namespace Holdfast;

/// <summary>Has what waits for a socket go on where the socket's event was read, without a hop to the pool.</summary>
/// <remarks>
/// Promise: mail sessions cost one thread switch less a read (measured: bench/results/tuning.md). It binds us: nothing
/// that blocks may run after a socket's await. Passwords are hashed, body files written and stored messages read
/// elsewhere; HTTP goes to the pool by Kestrel's own scheduler. An operator who sets the variable decides.
/// </remarks>
internal static class SocketThreads
{
    /// <summary>Read once, by the first use of a socket in the process (System.Net.Sockets).</summary>
    private const string InlineVariable = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    /// <summary>By default each processor has one; half leaves room for the pool and the log's writer.</summary>
    private const string CountVariable = "DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT";

    /// <summary>Before any socket type is touched.</summary>
    public static void Choose()
    {
        SetUnlessSet(InlineVariable, "1");
        SetUnlessSet(CountVariable,
            Math.Max(1, Environment.ProcessorCount / 2).ToString(CultureInfo.InvariantCulture));
    }

    private static void SetUnlessSet(string name, string value)
    {
        if (Environment.GetEnvironmentVariable(name) is null)
            Environment.SetEnvironmentVariable(name, value);
    }
}
