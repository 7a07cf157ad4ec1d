using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Targets;

namespace Holdfast.Web.Forward;

/// <summary>How long a read of each site waits before a hedge: the 95th percentile of its answers, drawn from the board
/// each second.</summary>
internal sealed class HedgeWaits
{
    /// <summary>A hedge costs more than a wait shorter than this.</summary>
    private static readonly TimeSpan s_waitMin = TimeSpan.FromMilliseconds(5);
    private TimeSpan[] _waits = [];

    /// <summary><see cref="TimeSpan.MaxValue"/>: nothing is known, no hedge.</summary>
    public TimeSpan WaitAt(SiteId site)
    {
        var waits = Volatile.Read(ref _waits);
        return site.Value < waits.Length ? waits[site.Value] : TimeSpan.MaxValue;
    }

    public void Draw(ITrafficBoard board, TimeSpan now)
    {
        var picture = board.Topology;
        var waits = new TimeSpan[picture.Sites.Length];
        Array.Fill(waits, TimeSpan.MaxValue);
        foreach (var site in board.Snapshot(now).Sites)
        {
            foreach (var operation in site.Operations)
            {
                if (operation.Operation != OperationClass.Read || operation.LatencyP95 <= TimeSpan.Zero)
                    continue;
                foreach (var node in picture.Sites)
                {
                    if (node.Name == site.Site)
                        waits[node.Id.Value] = operation.LatencyP95 > s_waitMin ? operation.LatencyP95 : s_waitMin;
                }
            }
        }
        Volatile.Write(ref _waits, waits);
    }
}
