using System.Collections.Immutable;
using System.Net;
using Holdfast.Mail.Deliver;
using Holdfast.Mail.Route;

namespace Holdfast.Sim.Delivery;

/// <summary>Stands where delivery has sockets and DNS: simulated sessions use neither, so a call is a mistake.
/// </summary>
internal sealed class NoNetwork : IMxResolver, IMxTlsPolicy, IHostResolver, ITargetDialer
{
    public ValueTask<MxAnswer> ResolveAsync(string domain, CancellationToken abort) => throw Mistake();

    public ValueTask<MxTlsRequirement> RequireAsync(string domain, string mxHost, CancellationToken abort) =>
        throw Mistake();

    public ImmutableArray<IPAddress> Known(string host) => throw Mistake();

    ValueTask<ImmutableArray<IPAddress>> IHostResolver.ResolveAsync(string host, CancellationToken abort) =>
        throw Mistake();

    public ValueTask<TargetTransport> DialAsync(IPEndPoint endpoint, CancellationToken abort) => throw Mistake();

    private static InvalidOperationException Mistake() => new("A simulated edge was about to use the network.");
}
