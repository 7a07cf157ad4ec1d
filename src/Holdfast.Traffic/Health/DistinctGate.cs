namespace Holdfast.Traffic.Health;

/// <summary>Holds mail's doubtful failures back until enough different mail has seen them.</summary>
/// <remarks>
/// "The system is not accepting" may be about one mailbox or one sender only, and a 4yz that no rule explains may be
/// about anything: one full mailbox must not close a site. Counted from three distinct sender–recipient pairs or three
/// answers in a row on (unexplained: three recipients and three senders); then all that was held back counts at once.
/// Forgotten at the rate of one failure for twenty deliveries.
/// </remarks>
internal struct DistinctGate
{
    private const int RowMin = 3;
    private const double ForgottenPerSuccess = 0.05;
    private const double HeatMax = 20;
    private double _heat;
    private int _held;
    private int _inRow;
    private DistinctHashes _pairs;
    private DistinctHashes _recipients;
    private DistinctHashes _senders;

    public readonly bool IsCold => _heat <= 0;

    public void Succeed()
    {
        _inRow = 0;
        if (_heat <= 0)
            return;
        _heat -= ForgottenPerSuccess;
        if (_heat <= 0)
            this = default;
    }

    /// <summary>Returns how many failures count now: none while held back.</summary>
    public int Fail(in TrafficOutcome outcome, int distinctMin)
    {
        _heat = Math.Min(HeatMax, _heat + 1);
        _held++;
        bool isOpen;
        if (outcome.Scope == FailureScope.Site)
        {
            _inRow++;
            if ((outcome.RecipientHash | outcome.SenderHash) != 0)
                _pairs.Add((outcome.RecipientHash * 0x9E3779B1u) ^ outcome.SenderHash | 1u);
            isOpen = _pairs.Count >= distinctMin || _inRow >= Math.Max(RowMin, distinctMin);
        }
        else
        {
            _recipients.Add(outcome.RecipientHash);
            _senders.Add(outcome.SenderHash);
            isOpen = _recipients.Count >= distinctMin && _senders.Count >= distinctMin;
        }
        if (!isOpen)
            return 0;
        var counts = _held;
        _held = 0;
        return counts;
    }
}
