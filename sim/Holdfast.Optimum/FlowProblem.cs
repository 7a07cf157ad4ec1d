namespace Holdfast.Optimum;

/// <summary>Something that can be used up: a site, one operation of a site, or a component that several sites need.
/// </summary>
/// <param name="PerBucket">Operations that would succeed in each bucket: 0.7 of its rate for a site of which three
/// answers in ten fail.</param>
internal sealed record FlowResource(string Name, double[] PerBucket);

/// <summary>A way in which a stream can be served: it uses one unit of each of these resources.</summary>
/// <param name="Resources">Indices into <see cref="FlowProblem.Resources"/>.</param>
internal sealed record FlowPath(int[] Resources);

/// <summary>Requests that are alike: same priority, same deadline, same ways to be served.</summary>
/// <param name="Arrivals">Requests that arrive in each bucket, retries of the same request not counted.</param>
/// <param name="Waiting">Requests that wait already when the first bucket begins.</param>
/// <param name="DeadlineBuckets">Buckets after that of its arrival in which a request still counts; null: whenever.
/// </param>
internal sealed record FlowStream(
    string Name, int Priority, double[] Arrivals, double Waiting, int? DeadlineBuckets, FlowPath[] Paths);

/// <summary>Everything that the optimum may know: the future included.</summary>
internal sealed record FlowProblem(double BucketSeconds, FlowResource[] Resources, FlowStream[] Streams)
{
    public int Buckets => Resources.Length > 0 ? Resources[0].PerBucket.Length
        : Streams.Length > 0 ? Streams[0].Arrivals.Length : 0;
}

/// <summary>What could have been done at best.</summary>
/// <param name="InTime">Requests served within their deadlines, by stream.</param>
/// <param name="ServedPerBucket">The same by stream and bucket; of all ways to the same goodput, an early one.</param>
internal sealed record FlowAnswer(bool IsSolved, double[] InTime, double[][] ServedPerBucket)
{
    public static FlowAnswer None { get; } = new(false, [], []);
}
