namespace Holdfast.Mail.Receive;

/// <summary>What a session waits for.</summary>
internal enum SessionWait : byte
{
    /// <summary>For nothing of the client's: our own work has no deadline here.</summary>
    None = 0,
    ProxyHeader = 1,
    Command = 2,
    Data = 3,
    Handshake = 4,
    /// <summary>For the client to read what we wrote.</summary>
    Write = 5,
}

/// <summary>Knows when a client's time is up. Set by the session, read by the sweep on another thread.</summary>
/// <remarks>A deadline is for a whole command or data phase, not for a read: a byte now and then prolongs nothing.
/// Looked at every second, so a deadline is kept to that.</remarks>
internal sealed class SessionClock(ReceiveContext context)
{
    private const int StressRateFactor = 10;
    private const int StressGraceDivisor = 10;
    private int _wait;
    private long _since;
    private long _dataSince;
    private long _dataBytes;

    public SessionWait Waiting => (SessionWait)Volatile.Read(ref _wait);

    /// <summary>Begins a wait; a command's time runs from the first wait after the last complete one.</summary>
    public void Begin(SessionWait wait)
    {
        Volatile.Write(ref _since, context.Now.Ticks);
        Volatile.Write(ref _wait, (int)wait);
    }

    /// <summary>Takes an interrupted wait up again without a new deadline.</summary>
    public void Resume(SessionWait wait) => Volatile.Write(ref _wait, (int)wait);

    public void End() => Volatile.Write(ref _wait, (int)SessionWait.None);

    public void BeginData()
    {
        Volatile.Write(ref _dataBytes, 0);
        Volatile.Write(ref _dataSince, context.Now.Ticks);
    }

    public void CountData(long bytes) => Volatile.Write(ref _dataBytes, _dataBytes + bytes);

    /// <summary>Time that we ourselves held the data up: not the client's fault.</summary>
    public void ForgiveData(TimeSpan stall) => Volatile.Write(ref _dataSince, _dataSince + stall.Ticks);

    public bool IsOverdue()
    {
        var options = context.Policy.Options;
        var now = context.Now;
        var waited = now - TimeSpan.FromTicks(Volatile.Read(ref _since));
        if (context.IsDrainOver)
            return Waiting != SessionWait.None;
        switch (Waiting)
        {
            case SessionWait.ProxyHeader:
                return waited >= options.ProxyHeaderTimeout;
            case SessionWait.Handshake:
                return waited >= options.TlsHandshakeTimeout;
            case SessionWait.Command or SessionWait.Write:
                return waited >= (context.IsStressed ? Min(options.StressTimeout, options.CommandTimeout)
                    : options.CommandTimeout);
            case SessionWait.Data:
                var stressed = context.IsStressed;
                return waited >= (stressed ? Min(options.StressTimeout, options.DataTimeout) : options.DataTimeout)
                    || IsTooSlow(options, stressed, now);
            default:
                return false;
        }
    }

    private bool IsTooSlow(ReceiveOptions options, bool stressed, TimeSpan now)
    {
        var elapsed = now - TimeSpan.FromTicks(Volatile.Read(ref _dataSince));
        var grace = stressed ? options.DataRateGrace / StressGraceDivisor : options.DataRateGrace;
        var rate = (double)options.DataRateMin * (stressed ? StressRateFactor : 1);
        return elapsed > grace && Volatile.Read(ref _dataBytes) < rate * elapsed.TotalSeconds;
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
