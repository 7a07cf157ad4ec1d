namespace Holdfast.Sim.Policies;

/// <summary>Linkerd's and Finagle's retry budget: a fifth of the requests of the last 10 s and 10 a second beside.
/// </summary>
internal sealed class RetryBudget
{
    private const double Ratio = 0.2;
    private const int Seconds = 10;
    private const double ReservePerSecond = 10;
    private readonly double[] _deposits = new double[Seconds];
    private readonly double[] _taken = new double[Seconds];
    private long _second;

    public void Deposit(TimeSpan now)
    {
        Turn(now);
        _deposits[_second % Seconds] += Ratio;
    }

    public bool TryTake(TimeSpan now)
    {
        Turn(now);
        if (_deposits.Sum() + ReservePerSecond * Seconds - _taken.Sum() < 1)
            return false;
        _taken[_second % Seconds]++;
        return true;
    }

    private void Turn(TimeSpan now)
    {
        var second = (long)now.TotalSeconds;
        for (var gone = Math.Max(_second + 1, second - Seconds + 1); gone <= second; gone++)
            _deposits[gone % Seconds] = _taken[gone % Seconds] = 0;
        _second = Math.Max(_second, second);
    }
}
