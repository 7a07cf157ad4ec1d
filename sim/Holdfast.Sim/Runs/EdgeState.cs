using Holdfast.Sim.Delivery;
using Holdfast.Sim.Policies;

namespace Holdfast.Sim.Runs;

/// <summary>One edge node: its policy, and whether it stands still.</summary>
internal sealed class EdgeState(int index, string name, ITrafficPolicy policy, double weightUpTo)
{
    public int Index { get; } = index;
    public string Name { get; } = name;
    public ITrafficPolicy Policy { get; } = policy;
    /// <summary>Mail's own delivery; null: mail waits in the edge's queues as the policy has it.</summary>
    public EdgeMail? Mail { get; set; }
    public long MailWakeAt { get; set; } = long.MaxValue;
    public int MailWakeToken { get; set; }
    /// <summary>Weights of this edge and those before it.</summary>
    public double WeightUpTo { get; } = weightUpTo;
    public long PausedUntil { get; set; }
    /// <summary>When it tells the others next.</summary>
    public long TellAt { get; set; }
    /// <summary>When it looks at the ports next.</summary>
    public long ProbeAt { get; set; }
}

/// <summary>What waits at one edge for one service: a list a priority, fresh ones before backlog.</summary>
internal struct EdgeQueue
{
    public EdgeQueue()
    {
        Array.Fill(Heads, -1);
        Array.Fill(Tails, -1);
    }

    public int[] Heads { get; } = new int[2 * RunRecord.Priorities];
    public int[] Tails { get; } = new int[2 * RunRecord.Priorities];
    public int[] Counts { get; } = new int[2 * RunRecord.Priorities];
    /// <summary>A bit a list that isn't empty.</summary>
    public uint Used;
    public int Count;
    public long AskAt = long.MaxValue;
    public int AskToken;
}
