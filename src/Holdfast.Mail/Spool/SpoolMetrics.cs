using System.Diagnostics.Metrics;

namespace Holdfast.Mail.Spool;

/// <summary>What the spool counts and shows.</summary>
internal sealed class SpoolMetrics : IDisposable
{
    private static readonly double[] _seconds = [0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10, 30];
    private readonly Meter _meter;
    private readonly Counter<long> _appended;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _ended;
    private readonly Counter<long> _damaged;
    private readonly Counter<long> _compacted;
    private readonly Counter<long> _swept;
    private readonly Histogram<double> _checkpoint;

    public SpoolMetrics(IMeterFactory factory)
    {
        _meter = factory.Create("Holdfast.Mail");
        _appended = _meter.CreateCounter<long>("holdfast.spool.appended", "{message}", "Messages made durable.");
        _refused = _meter.CreateCounter<long>("holdfast.spool.refused", "{message}",
            "Messages that could not be made durable, by error.type.");
        _ended = _meter.CreateCounter<long>("holdfast.spool.ended", "{message}",
            "Messages whose recipients are all final.");
        _damaged = _meter.CreateCounter<long>("holdfast.spool.damaged", "{record}", "Records set aside as damaged.");
        _compacted = _meter.CreateCounter<long>("holdfast.spool.compacted", "{segment}",
            "Segments whose live records were moved so that their space came free.");
        _swept = _meter.CreateCounter<long>("holdfast.spool.orphans", "{file}",
            "Body files without a message, deleted.");
        _checkpoint = _meter.CreateHistogram("holdfast.spool.checkpoint", "s", "Time to write one checkpoint.", null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = _seconds });
    }

    /// <summary>Shows the spool's levels; called once, by the spool.</summary>
    public void Observe(MailSpool spool)
    {
        _meter.CreateObservableGauge("holdfast.spool.waiting", () => spool.WaitingCount, "{message}",
            "Messages that wait.");
        _meter.CreateObservableGauge("holdfast.spool.waiting.size", () => spool.WaitingBytes, "By",
            "Content bytes of the messages that wait.");
        _meter.CreateObservableGauge("holdfast.spool.pressure", () => (int)spool.Pressure, "{level}",
            "0 none, 1 elevated, 2 high, 3 out of space, 4 failed.");
        _meter.CreateObservableGauge("holdfast.spool.free", () => spool.FreeBytes, "By",
            "Free bytes beside the reserve on the spool's disk.");
        _meter.CreateObservableGauge("holdfast.spool.body_memory", () => spool.BodyMemoryUsed, "By",
            "Body memory in use.");
    }

    public void Appended() => _appended.Add(1);
    public void Refused(AppendResult result) => _refused.Add(1,
        new KeyValuePair<string, object?>("error.type", result switch
        {
            AppendResult.OutOfSpace => "out_of_space",
            AppendResult.TooBusy => "too_busy",
            _ => "failed",
        }));
    public void Ended() => _ended.Add(1);
    public void Damaged() => _damaged.Add(1);
    public void Compacted() => _compacted.Add(1);
    public void Swept(int files) => _swept.Add(files);
    public void Checkpointed(TimeSpan took) => _checkpoint.Record(took.TotalSeconds);

    public void Dispose() => _meter.Dispose();
}
