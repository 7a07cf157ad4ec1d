using Holdfast.Traffic;
using Holdfast.Traffic.Targets;

namespace Holdfast.Web.Forward;

/// <summary>What every forwarded request needs beside itself; one for each set of options.</summary>
internal sealed record ForwardParts(
    ITrafficBoard Board, TimeProvider Time, WebMetrics Metrics, int AttemptsMax, int WaitingMax)
{
    /// <summary>The board's clock.</summary>
    public TimeSpan Now => Time.GetElapsedTime(0);

    public string HostOf(TargetId target)
    {
        var address = Board.Topology.Targets[target.Value].Address;
        return address[..address.LastIndexOf(':')];
    }

    public int PortOf(TargetId target)
    {
        var address = Board.Topology.Targets[target.Value].Address;
        return int.Parse(address.AsSpan(address.LastIndexOf(':') + 1),
            System.Globalization.CultureInfo.InvariantCulture);
    }
}
