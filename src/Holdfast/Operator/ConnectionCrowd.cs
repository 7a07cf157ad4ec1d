using Microsoft.AspNetCore.Connections;

namespace Holdfast.Operator;

/// <summary>Keeps the number of HTTP connections down. The Unix socket has no such bound, so that nobody on this
/// machine can shut the operator out by opening connections.</summary>
internal sealed class ConnectionCrowd(int max)
{
    public const int HttpConnectionsMax = 256;
    private int _count;

    public ConnectionDelegate Limit(ConnectionDelegate next) => async connection =>
    {
        if (Interlocked.Increment(ref _count) > max)
        {
            Interlocked.Decrement(ref _count);
            connection.Abort();
            return;
        }
        try
        {
            await next(connection);
        }
        finally
        {
            Interlocked.Decrement(ref _count);
        }
    };
}
