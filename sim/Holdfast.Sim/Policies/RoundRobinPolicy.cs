using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Targets;

namespace Holdfast.Sim.Policies;

/// <summary>Takes turns among all targets of a service, near and far, and looks at nothing.</summary>
/// <remarks>The default of nginx (<c>ngx_http_upstream_module</c>, equal weights), HAProxy (<c>balance roundrobin</c>)
/// and of name servers that turn their answers, without any check: the plainest thing that spreads load.</remarks>
internal sealed class RoundRobinPolicy(Topology topology, Random random) : BaselinePolicy(topology, random)
{
    private readonly int[] _next = new int[topology.Services.Length];

    public override string Name => "round-robin";

    protected override int Choose(in PlacementRequest request, TimeSpan now)
    {
        var targets = Pools[request.Service.Value].All;
        ref var next = ref _next[request.Service.Value];
        for (var i = 0; i < targets.Length; i++)
        {
            var target = targets[next];
            next = next + 1 == targets.Length ? 0 : next + 1;
            if (!IsLeftOut(target))
                return target;
        }
        return Nowhere;
    }
}
