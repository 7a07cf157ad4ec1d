using System.Globalization;
using Holdfast.Traffic;
using Holdfast.Traffic.Targets;

namespace Holdfast.Web.Forward;

/// <summary>What every forwarded request needs beside itself; one for each set of options.</summary>
internal sealed record ForwardParts(
    ITrafficBoard Board, TimeProvider Time, WebMetrics Metrics, HedgeWaits Hedges, int AttemptsMax, int WaitingMax)
{
    /// <summary>The board's clock.</summary>
    public TimeSpan Now => Time.GetElapsedTime(0);

    /// <summary>The same resource at another target.</summary>
    public Uri AddressOf(Uri address, TargetId target)
    {
        var text = Board.Topology.Targets[target.Value].Address;
        var colon = text.LastIndexOf(':');
        return new UriBuilder(address)
        {
            Host = text[..colon], Port = int.Parse(text.AsSpan(colon + 1), CultureInfo.InvariantCulture),
        }.Uri;
    }
}
