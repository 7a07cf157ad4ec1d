using Holdfast.Sim.Provider;
using Holdfast.Sim.Scenarios;
using Holdfast.Traffic.Gateways;

namespace Holdfast.Sim.Runs;

/// <summary>What edges tell each other, once a second, over the network: an edge stands in its home region, and who is
/// cut off from that is cut off from it.</summary>
internal sealed partial class Simulation
{
    private const long TellTicks = TimeSpan.TicksPerSecond;
    private readonly GatewayReport?[] _reports;

    private void Tell(EdgeState edge)
    {
        if (_edges.Length < 2 || _now < edge.TellAt)
            return;
        edge.TellAt = _now + TellTicks;
        if (edge.Policy.Tell(edge.Index, Now) is not { } report)
            return;
        for (var to = 0; to < _edges.Length; to++)
        {
            if (to == edge.Index || IsCutOff(to, edge.Index) || !TryPass(edge.Index, HomeOf(to), out var delay))
                continue;
            var slot = edge.Index * _edges.Length + to;
            _reports[slot] = report;
            Push(_now + delay, EventKind.Report, slot);
        }
    }

    private void Hear(int slot)
    {
        var edge = _edges[slot % _edges.Length];
        if (_now >= edge.PausedUntil && _reports[slot] is { } report)
            edge.Policy.Hear(report, Now);
    }

    private int HomeOf(int edge) =>
        Array.FindIndex([.. _scenario.Regions], r => FieldReader.Same(r, _scenario.Edges[edge].Home));

    private bool IsCutOff(int edge, int other) =>
        _links[edge * _scenario.Regions.Length + HomeOf(other)].Partitions > 0;
}
