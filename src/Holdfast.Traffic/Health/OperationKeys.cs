using System.Runtime.CompilerServices;

namespace Holdfast.Traffic.Health;

/// <summary>A target's or site's keys by operation class; null: never asked for. They lie in their owner.</summary>
[InlineArray(TrafficEngine.OperationsMax)]
internal struct OperationKeys
{
    private HealthKey? _first;
}
