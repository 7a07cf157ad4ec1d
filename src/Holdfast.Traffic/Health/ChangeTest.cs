namespace Holdfast.Traffic.Health;

/// <summary>Tells as early as can be that a share (of failures, of slow answers) has risen: two one-sided CUSUMs.
/// </summary>
/// <remarks>
/// Guards against thresholds that see nothing in part (five failures in a row need 587 requests at 30 %) and against
/// those that judge a quiet target by one failure.
/// Formula: each event adds ln(p₁/p₀), each other outcome ln((1−p₁)/(1−p₀)), never below zero; one test for a gross
/// rise, one for a slight one. Whoever asks compares the score with ln(outcomes a day): about one false alarm a day.
/// Defaults: p₁ = 30 % and 5 %; p₀ at least 1 % and at most p₁/2. Lorden's bound is met within 1.0 to 1.7.
/// Known to do badly: outcomes that depend on each other; a rise to less than p₁/2 is never seen.
/// The steps use Math.Log, whose last bit may differ between platforms.
/// </remarks>
internal struct ChangeTest
{
    public const double Slight = 0.05;
    private double _gross;
    private double _slight;
    private double _grossUp;
    private double _grossDown;
    private double _slightUp;
    private double _slightDown;

    public readonly double Score => Math.Max(_gross, _slight);

    /// <param name="ordinary">p₀.</param>
    /// <param name="gross">p₁ of the test for a gross rise.</param>
    public void Tune(double ordinary, double gross)
    {
        Steps(Math.Min(ordinary, gross / 2), gross, out _grossUp, out _grossDown);
        Steps(Math.Min(ordinary, Slight / 2), Slight, out _slightUp, out _slightDown);
    }

    public void Hit()
    {
        _gross += _grossUp;
        _slight += _slightUp;
    }

    public void Miss()
    {
        _gross = Math.Max(0, _gross - _grossDown);
        _slight = Math.Max(0, _slight - _slightDown);
    }

    /// <summary>Keeps the score from growing past what it takes to be certain: else the end is seen as late as the
    /// trouble was long.</summary>
    public void Limit(double most)
    {
        _gross = Math.Min(_gross, most);
        _slight = Math.Min(_slight, most);
    }

    /// <summary>Takes one hit back that was none.</summary>
    public void TakeBack()
    {
        _gross = Math.Max(0, _gross - _grossUp);
        _slight = Math.Max(0, _slight - _slightUp);
    }

    public void Reset() => _gross = _slight = 0;

    private static void Steps(double from, double to, out double up, out double down)
    {
        up = Math.Log(to / from);
        down = Math.Log((1 - from) / (1 - to));
    }
}
