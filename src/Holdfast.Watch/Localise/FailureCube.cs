namespace Holdfast.Watch.Localise;

/// <summary>Failures by every combination of dimensions that was seen, a leaf each.</summary>
/// <param name="Values">Names of each dimension's values; codes are places in it.</param>
/// <param name="Codes">A dimension's code by leaf.</param>
/// <param name="Expected">Failures expected; null where only requests say it.</param>
public sealed record FailureCube(IReadOnlyList<string> Dimensions, IReadOnlyList<string>[] Values, int[][] Codes,
    double[] Requests, double[] Failures, double[]? Expected)
{
    public int Leaves => Requests.Length;
}
