using Holdfast.Sim.Scenarios;
using Holdfast.Traffic.Targets;

namespace Holdfast.Sim.Policies;

/// <summary>What an operator set by hand at a baseline: weights, drains and pins until they expire.</summary>
/// <remarks>Done at once and as a whole, as a proxy's configuration is: nobody predicts what it does to load.</remarks>
internal sealed class ActsByHand(Topology topology)
{
    private readonly double[] _weights = Filled(topology.Targets.Length);
    private readonly TimeSpan[] _until = new TimeSpan[topology.Targets.Length];
    private TimeSpan _next = TimeSpan.MaxValue;

    public double Weight(int target) => _weights[target];

    public void Apply(in PolicyAct act, TimeSpan now)
    {
        var until = act.For > TimeSpan.Zero ? now + act.For : TimeSpan.MaxValue;
        var service = topology.Sites[act.Site.Value].Service;
        for (var i = 0; i < _weights.Length; i++)
        {
            var isMeant = act.Target.IsNone ? topology.Targets[i].Site == act.Site : act.Target.Value == i;
            var isOfService = topology.Sites[topology.Targets[i].Site.Value].Service == service;
            switch (act.Kind)
            {
                case ActKind.Drain when isMeant: Set(i, 0, until); break;
                case ActKind.Weight when isMeant: Set(i, act.Weight, until); break;
                case ActKind.Undrain when isMeant: Set(i, 1, TimeSpan.MaxValue); break;
                case ActKind.Pin when isOfService && !isMeant: Set(i, 0, until); break;
                case ActKind.Unpin when isOfService: Set(i, 1, TimeSpan.MaxValue); break;
                default: break; // Freeze: a baseline has nothing that could stand still.
            }
        }
    }

    public void Expire(TimeSpan now)
    {
        if (now < _next)
            return;
        _next = TimeSpan.MaxValue;
        for (var i = 0; i < _weights.Length; i++)
        {
            if (_weights[i] < 1 && _until[i] <= now)
                _weights[i] = 1;
            else if (_weights[i] < 1 && _until[i] < _next)
                _next = _until[i];
        }
    }

    private void Set(int target, double weight, TimeSpan until)
    {
        _weights[target] = weight;
        _until[target] = until;
        if (until < _next)
            _next = until;
    }

    private static double[] Filled(int length)
    {
        var weights = new double[length];
        Array.Fill(weights, 1);
        return weights;
    }
}
