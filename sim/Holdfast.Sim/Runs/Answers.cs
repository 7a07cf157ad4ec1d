using Holdfast.Sim.Provider;
using Holdfast.Sim.Scenarios;
using Holdfast.Traffic.Health;

namespace Holdfast.Sim.Runs;

/// <summary>What an edge reads of an attempt's end.</summary>
internal readonly record struct AttemptAnswer(
    FailureScope Scope, AttemptPhase Phase, string? Detail, bool IsPushBack = false, bool IsLost = false);

/// <summary>The answers that servers and networks give, as mail and as HTTP.</summary>
internal static class Answers
{
    public static readonly AttemptAnswer NoConnection = new(FailureScope.Target, AttemptPhase.Connect,
        TrafficDetail.Stall + "connect");
    public static readonly AttemptAnswer NoReply = new(FailureScope.Target, AttemptPhase.Answer,
        TrafficDetail.Stall + "the time-out");
    public static readonly AttemptAnswer NoReplyToMail = new(FailureScope.Target, AttemptPhase.FinalDot,
        TrafficDetail.Stall + "the time-out");
    private static readonly AttemptAnswer[] s_http = Table(isMail: false);
    private static readonly AttemptAnswer[] s_mail = Table(isMail: true);

    public static AttemptAnswer Of(JobResult result, bool isMail) => (isMail ? s_mail : s_http)[(int)result];

    public static AttemptAnswer Of(FaultSpec fault, bool isMail) => new(fault.Scope,
        fault.Phase ?? (isMail ? AttemptPhase.Rcpt : AttemptPhase.Answer), fault.Text,
        fault.Text.StartsWith("503", StringComparison.Ordinal) || fault.Text.StartsWith("429", StringComparison.Ordinal)
        || fault.Text.StartsWith("421", StringComparison.Ordinal));

    private static AttemptAnswer[] Table(bool isMail)
    {
        var last = isMail ? AttemptPhase.FinalDot : AttemptPhase.Answer;
        var answers = new AttemptAnswer[7];
        answers[(int)JobResult.Success] = new(FailureScope.None, last, null);
        answers[(int)JobResult.Lost] = new(FailureScope.None, last, null, IsLost: true);
        answers[(int)JobResult.PushedBack] = isMail
            ? new(FailureScope.Target, AttemptPhase.Greeting, "421 4.3.2 Too busy", IsPushBack: true)
            : new(FailureScope.Target, last, "503 Service Unavailable", IsPushBack: true);
        answers[(int)JobResult.Refused] = new(FailureScope.Target, AttemptPhase.Connect, "connection refused");
        answers[(int)JobResult.Reset] = new(FailureScope.Target, last, "connection reset");
        answers[(int)JobResult.DependencyFailed] = isMail
            ? new(FailureScope.Site, AttemptPhase.Rcpt, "451 4.3.2 Temporary server error")
            : new(FailureScope.Target, last, "500 Internal Server Error");
        return answers;
    }
}
