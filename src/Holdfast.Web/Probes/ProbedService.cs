using System.Text;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Web.Probes;

/// <summary>What the probes of one service's targets have in common: the question, and what is a good answer.</summary>
internal sealed class ProbedService(ProbeServiceOptions options, TimeProvider time)
{
    private const int LookBytes = 64 * 1024;
    private readonly Lock _gate = new();
    private readonly SecretLine _secret = new(options.AuthorizationFile, time);
    private readonly StatusSet _well = StatusSet.TryParse(options.ExpectStatus, out var set) ? set
        : throw new ArgumentException("no validated options", nameof(options));
    private readonly byte[] _text = Encoding.UTF8.GetBytes(options.ExpectBody);
    private volatile bool _hasPassed;
    private bool _isTold;

    public ProbeServiceOptions Options => options;

    /// <summary>Some target passed once. A check that no target ever passed says more of the check than of them.
    /// </summary>
    public bool HasPassed => _hasPassed;

    public void Passed() => _hasPassed = true;

    /// <summary>True once in the service's life.</summary>
    public bool MustTell()
    {
        lock (_gate)
        {
            var told = _isTold;
            _isTold = true;
            return !told;
        }
    }

    /// <param name="fault">Why nothing can be asked.</param>
    public ProbeQuestion? Question(out string? fault)
    {
        string? secret;
        lock (_gate)
        {
            if (!_secret.TryRead(out secret, out fault))
                return null;
        }
        return new ProbeQuestion(options.Service, options.Method, options.Path, options.Host, secret, null,
            _text.Length > 0 ? LookBytes : 0);
    }

    /// <summary>Success, or what is wrong with the answer.</summary>
    public TrafficOutcome Judge(TargetNode target, in ProbeAnswer answer)
    {
        if (!answer.IsAnswer)
            return answer.Fault;
        if (!_well.Contains(answer.Status))
            return ProbeCall.Failed(target, $"probe: status {answer.Status}", answer.Latency);
        if (answer.Body.Span.IndexOf(_text) < 0)
            return ProbeCall.Failed(target, "probe: the answer lacks the expected text", answer.Latency);
        return new TrafficOutcome(target.Id, Traffic.Balance.OperationClass.Read, AttemptPhase.Answer,
            FailureScope.None, answer.Latency);
    }
}
