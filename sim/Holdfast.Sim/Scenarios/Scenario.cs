using System.Collections.Immutable;
using Holdfast.Mail.Route;
using Holdfast.Traffic;

namespace Holdfast.Sim.Scenarios;

/// <summary>A story to be simulated: what there is, what is asked of it, what breaks when, and what must
/// hold.</summary>
/// <remarks>Read by <see cref="ScenarioReader"/>, which has checked every bound and every name; every field is told in
/// docs/reference/scenarios.md. Immutable: one scenario may run under many policies and seeds.</remarks>
internal sealed record Scenario
{
    public required string Name { get; init; }
    /// <summary>One line: what this scenario teaches.</summary>
    public required string Teaches { get; init; }
    public ulong Seed { get; init; } = 1;
    public required TimeSpan Duration { get; init; }
    /// <summary>From here on there is no fault, and convergence is demanded; null: never.</summary>
    public TimeSpan? HealedAt { get; init; }
    /// <summary>Length of one step of the record.</summary>
    public TimeSpan Step { get; init; } = TimeSpan.FromSeconds(1);
    /// <summary>Home region of the edges that name none of their own.</summary>
    public required string Home { get; init; }
    /// <summary>Nearest to the home region first.</summary>
    public required ImmutableArray<string> Regions { get; init; }
    public required ImmutableArray<EdgeSpec> Edges { get; init; }
    /// <summary>In the order in which the sites name them, so that an index here is the topology's service
    /// id.</summary>
    public required ImmutableArray<ServiceSpec> Services { get; init; }
    public ImmutableArray<ComponentSpec> Components { get; init; } = [];
    /// <summary>An index here is the topology's site id.</summary>
    public required ImmutableArray<SiteSpec> Sites { get; init; }
    public NetworkSpec Network { get; init; } = new();
    public CanarySpec Canaries { get; init; } = new();
    public required ImmutableArray<WorkloadSpec> Workloads { get; init; }
    public ImmutableArray<FaultSpec> Faults { get; init; } = [];
    public ImmutableArray<ActSpec> Acts { get; init; } = [];
    /// <summary>Options that the policies are made with.</summary>
    public TrafficOptions Traffic { get; init; } = new();
    public HoldsSpec Holds { get; init; } = new();
    /// <summary>Number of targets of all sites.</summary>
    public int Targets => Sites.Sum(s => s.Server.Count);
}

/// <summary>One node of the gateway, with a policy object of its own.</summary>
/// <param name="Home">Its home region: its sites come first.</param>
/// <param name="Weight">Share of the arrivals that reach it, relative to the other edges.</param>
internal sealed record EdgeSpec(string Name, string Home, double Weight);

internal enum ServiceKind : byte { Http = 0, Mail = 1 }

/// <summary>A service: what is asked of its sites, and how long an edge waits for them.</summary>
internal sealed record ServiceSpec
{
    public required string Name { get; init; }
    public ServiceKind Kind { get; init; }
    /// <summary>Mail: whose receiving limits delivery keeps to.</summary>
    public ProviderProfile Profile { get; init; }
    /// <summary>Mail: when a server with all workers at work greets.</summary>
    public Greeting Greets { get; init; }
    /// <summary>Longest wait of an edge for an answer; of Holdfast's mail for the reply to the final dot.</summary>
    public required TimeSpan AttemptTimeout { get; init; }
    /// <summary>Longest wait of an edge for a connection.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);
    /// <summary>Requests that wait at one edge at most; mail's spool has no bound.</summary>
    public int EdgeQueueMax { get; init; } = 10_000;
}

/// <summary>Where in SMTP's dialogue mail waits for a server's worker.</summary>
internal enum Greeting : byte
{
    /// <summary>After the final dot, as with Exchange's transport.</summary>
    AtOnce = 0,
    /// <summary>Before the greeting, as with Postfix' process limit.</summary>
    WhenFree = 1,
}

/// <summary>Something that sites need to do their work, such as a locator: a pool of servers with queues.</summary>
internal sealed record ComponentSpec
{
    public required string Name { get; init; }
    public required ServerSpec Server { get; init; }
    /// <summary>How long a caller waits; its own worker is held meanwhile.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(2);
    /// <summary>How often a caller asks again after a failure: load grows with it when the component fails.</summary>
    public int Retries { get; init; }
}

/// <summary>One cluster of one service in one region.</summary>
internal sealed record SiteSpec
{
    public required string Name { get; init; }
    public required int Service { get; init; }
    public required string Region { get; init; }
    /// <summary>What the operator told the gateway, in operations a second; null: nothing.</summary>
    public double? DeclaredCapacity { get; init; }
    public required ServerSpec Server { get; init; }
    /// <summary>Transactions at once that the gateway is configured to open to one target.</summary>
    public int ConcurrencyMax { get; init; } = 100;
    /// <summary>Indexes of components.</summary>
    public ImmutableArray<int> DependsOn { get; init; } = [];
    /// <summary>Service time of an operation class as a multiple of the server's, by class.</summary>
    public ImmutableArray<double> OperationFactors { get; init; } = [1, 1, 1, 1, 1, 1, 1, 1];
    public bool HasCanary { get; init; } = true;
}

/// <summary>Delay, jitter and loss between edges and regions.</summary>
/// <param name="Links">Where it isn't the default.</param>
internal sealed record NetworkSpec(LinkSpec Default, ImmutableArray<LinkSpec> Links)
{
    public NetworkSpec()
        : this(new LinkSpec("", "", TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(1), 0), [])
    {
    }
}

/// <param name="Delay">One way, at least.</param>
/// <param name="Jitter">Mean of what is added, exponential.</param>
/// <param name="Loss">Share of messages that are sent again after 200 ms, doubling, as TCP does.</param>
internal sealed record LinkSpec(string Edge, string Region, TimeSpan Delay, TimeSpan Jitter, double Loss);

/// <summary>End-to-end canaries of every edge to every site that has them.</summary>
internal sealed record CanarySpec
{
    public bool Enabled { get; init; } = true;
    public TimeSpan Every { get; init; } = TimeSpan.FromSeconds(5);
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(10);
}
