namespace Holdfast.Traffic.Acts;

/// <summary>The acts of operators that are in force.</summary>
/// <remarks>They go by name, so a reload keeps them; one of a kind a thing, the last one counts; at most 100: more than
/// anybody does by hand, and few enough to be looked through at each change.</remarks>
internal sealed class ActLedger
{
    private const int ActsMax = 100;
    private readonly List<(OperatorAct Act, double ExpiresAt)> _acts = [];

    public int Count => _acts.Count;
    public OperatorAct this[int index] => _acts[index].Act;
    public bool IsFull => _acts.Count >= ActsMax;

    public void Add(in OperatorAct act, double expiresAt)
    {
        Remove(act.Kind, act.Scope, act.Name);
        _acts.Add((act, expiresAt));
    }

    public bool Remove(ActKind kind, ActScope scope, string name) => _acts.RemoveAll(a => a.Act.Kind == kind
        && a.Act.Scope == scope && string.Equals(a.Act.Name, name, StringComparison.OrdinalIgnoreCase)) > 0;

    /// <summary>Returns true when one has run out.</summary>
    public bool Expire(double now)
    {
        if (_acts.Count == 0)
            return false;
        return _acts.RemoveAll(a => a.ExpiresAt <= now) > 0;
    }

    public IReadOnlyList<ActSnapshot> Snapshot(double now) => _acts.Count == 0 ? []
        : [.. _acts.Select(a => new ActSnapshot(a.Act.Kind, a.Act.Scope, a.Act.Name, a.Act.Weight,
            TimeSpan.FromSeconds(Math.Max(0, a.ExpiresAt - now)), a.Act.Actor, a.Act.Reason))];
}
