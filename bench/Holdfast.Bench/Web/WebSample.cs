namespace Holdfast.Bench.Web;

/// <summary>One attempt of one client.</summary>
/// <param name="Start">Seconds from the start of the run to when it was meant to be sent.</param>
/// <param name="Latency">Seconds from then to the last byte of the answer, or to what went wrong.</param>
/// <param name="Status">HTTP status, or one of the negative constants.</param>
/// <param name="Attempt">0: the client's first.</param>
/// <param name="IsHome">Answered by a target of the home region.</param>
internal readonly record struct WebSample(double Start, double Latency, int Status, int Attempt, bool IsHome)
{
    /// <summary>No answer within the deadline.</summary>
    public const int Late = -1;
    /// <summary>The connection broke before the end of the answer.</summary>
    public const int Broken = -2;
    /// <summary>No connection.</summary>
    public const int Unconnected = -3;

    /// <summary>The client got what it asked for in time.</summary>
    public bool IsGood => Status is >= 200 and < 300;

    /// <summary>What the client would call it.</summary>
    public string Kind => Status switch
    {
        Late => "late",
        Broken => "broken",
        Unconnected => "refused",
        _ => Status.ToString(System.Globalization.CultureInfo.InvariantCulture),
    };
}
