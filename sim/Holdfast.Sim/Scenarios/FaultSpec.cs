using System.Collections.Immutable;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;

namespace Holdfast.Sim.Scenarios;

internal enum FaultKind : byte
{
    /// <summary>Service times × factor, for a share of the requests.</summary>
    Slow,
    /// <summary>A share of the requests is answered with an error, soon and without work.</summary>
    Error,
    /// <summary>A share of the requests is accepted and never answered.</summary>
    BlackHole,
    /// <summary>A share of the requests is answered with success and not done.</summary>
    AcceptAndLose,
    /// <summary>Workers × factor.</summary>
    Capacity,
    /// <summary>Connections are refused, what is under way is reset; the return is cold.</summary>
    Down,
    /// <summary>Nothing passes between edges and regions.</summary>
    Partition,
    /// <summary>A share of the messages between edges and regions is sent again.</summary>
    Loss,
    /// <summary>An edge stands still: no ticks, no answers read.</summary>
    Pause,
    /// <summary>An edge's wall clock jumps; its monotonic clock does not.</summary>
    ClockStep,
    /// <summary>Caches are cold from here on.</summary>
    ColdCache,
    /// <summary>Sites can't reach a component.</summary>
    DependencyLoss,
}

internal enum PlaceKind : byte { Site, Target, Component, Edge, Link }

/// <summary>Where a fault or act applies, resolved to indexes.</summary>
/// <param name="First">Site, component, edge or region.</param>
/// <param name="Second">Target or instance within it; for a link the region; −1: all.</param>
internal readonly record struct Place(PlaceKind Kind, int First, int Second = -1);

/// <summary>Something that breaks and is repaired.</summary>
internal sealed record FaultSpec
{
    public required FaultKind Kind { get; init; }
    public required TimeSpan At { get; init; }
    public required TimeSpan For { get; init; }
    /// <summary>Begins again after so long until <see cref="Until"/>; zero: once.</summary>
    public TimeSpan Every { get; init; }
    /// <summary>End of the last repetition; the end of the run when it isn't given.</summary>
    public TimeSpan Until { get; init; }
    /// <summary>As written, for people.</summary>
    public required string WhereText { get; init; }
    public required ImmutableArray<Place> Where { get; init; }
    /// <summary>Share of the servers there that are hit, drawn from the seed; at least one.</summary>
    public double Targets { get; init; } = 1;
    /// <summary>Share of the requests (or messages) that are hit.</summary>
    public double Share { get; init; } = 1;
    public double Factor { get; init; } = 1;
    /// <summary>Only requests of this class; null: all.</summary>
    public OperationClass? Operation { get; init; }
    /// <summary>Error: what the answer says of the reach.</summary>
    public FailureScope Scope { get; init; } = FailureScope.Target;
    public AttemptPhase? Phase { get; init; }
    public string Text { get; init; } = "";
    /// <summary>Error: how long the server takes to say so.</summary>
    public TimeSpan After { get; init; } = TimeSpan.FromMilliseconds(1);
    /// <summary>Component that is lost to the sites of <see cref="Where"/>; −1: none.</summary>
    public int Component { get; init; } = -1;
    /// <summary>Step of the wall clock.</summary>
    public TimeSpan By { get; init; }
}

internal enum ActKind : byte { Drain, Undrain, Pin, Unpin, Weight, Freeze, Unfreeze }

/// <summary>What a person does by hand, to every policy alike.</summary>
/// <param name="For">Until it expires; zero: it doesn't.</param>
internal sealed record ActSpec(
    TimeSpan At, ActKind Kind, string WhereText, ImmutableArray<Place> Where, double Weight, TimeSpan For);

/// <summary>What must hold; null: isn't asked.</summary>
internal sealed record HoldsSpec
{
    /// <summary>1 − goodput / optimum, over the whole run.</summary>
    public double? RegretMax { get; init; }
    /// <summary>From healing to 99 % of the optimum for good.</summary>
    public TimeSpan? ConvergeWithin { get; init; }
    /// <summary>From each fault's beginning to a verdict that names its site or target.</summary>
    public TimeSpan? DetectWithin { get; init; }
    /// <summary>Peak of offered / true capacity on sites without a fault of their own.</summary>
    public double? OverloadMax { get; init; }
    /// <summary>Attempts / requests.</summary>
    public double? AttemptsMax { get; init; }
    /// <summary>Share of the offered requests that are served in time, at least.</summary>
    public double? ServedMin { get; init; }
    /// <summary>The same for priority 0.</summary>
    public double? ServedTopMin { get; init; }
    /// <summary>Targets without a fault that may be closed.</summary>
    public int? HealthyClosedMax { get; init; }
}
