using Holdfast.Mail.Deliver;
using Holdfast.Mail.Smtp;
using Holdfast.Mail.Spool;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;

namespace Holdfast.Sim.Delivery;

/// <summary>One attempt under way: what <see cref="DeliverySession"/> is on sockets, with two questions for the whole
/// dialogue: the opening, which waits for one of the target's workers, and the final dot. Used again for message after
/// message.</summary>
/// <remarks>Reports to the board and collects what settlement reads just as the real one does; replies are sorted by
/// Mail's classifier, whatever scope the scenario meant.</remarks>
internal sealed class MailSession(DeliveryContext context, int id)
{
    private static readonly SmtpReply s_ok = SmtpReply.Of(250, 2, 0, 0, "OK");
    private static readonly SmtpReply s_go = new(354, EnhancedStatus.None, "Go on");
    private readonly RecipientChoice _choice = new(context);
    private readonly OpenQuestion _question = new(context.Placements, context.Time);
    private TakenEntry _taken;

    /// <summary>Index among the edge's sessions.</summary>
    public int Id { get; } = id;
    public bool IsActive { get; private set; }
    public ref readonly TakenEntry Taken => ref _taken;
    public SpooledMessage Message => Dialogue.Message;
    public Transaction Dialogue { get; } = new();
    public AttemptResult Result { get; } = new();
    /// <summary>Index of the request.</summary>
    public int Request => Message.Handle.Slot;
    /// <summary>No connection comes about.</summary>
    public bool IsCutOff { get; set; }
    private TimeSpan _patience;
    private TimeSpan _beganAt;
    private TimeSpan _askedAt;
    private bool _isDotSent;
    /// <summary>On the watch's clock, in ticks: it doesn't move while we stand still ourselves.</summary>
    private long _askedOnWatch;
    private int Target => _taken.Placement.Target.Value;

    /// <summary>False: nobody is to be tried now; the result says who waits for the pace.</summary>
    public bool Begin(in TakenEntry taken, SpooledMessage message)
    {
        _taken = taken;
        Result.Clear();
        Dialogue.Begin(message);
        if (taken.Route.Rule is not { } rule || message.Progress.IsHeld || message.Progress.IsFinal)
            return false;
        _choice.Choose(Dialogue, Result, taken.Route, rule, context.Snapshot);
        if (Dialogue.Recipients.Count == 0)
            return false;
        var place = context.Placements.Topology.Targets[Target];
        var site = context.Placements.Topology.Sites[taken.Placement.Site.Value];
        Result.Site = site.Name;
        Result.Target = Result.RemoteHost = place.Address;
        Result.Where = $"{site.Name}/{place.Address}";
        _patience = context.Snapshot.Options.PatienceAfter(taken.Moves);
        _beganAt = context.Now;
        (IsActive, IsCutOff, _isDotSent) = (true, false, false);
        _question.Begin(taken.Placement, context.ReplyTimesOf(Target));
        Ask(AttemptPhase.Greeting);
        return true;
    }

    /// <summary>A worker of the target has greeted us, and gets all the rest.</summary>
    public void Greeted()
    {
        _question.Answered();
        _isDotSent = true;
        Ask(AttemptPhase.FinalDot, Message.Envelope.SizeBytes);
    }

    public void Delivered() => Answered(AttemptPhase.FinalDot, s_ok);

    /// <summary>The target said this at that step, and yes to all before.</summary>
    public void Answered(AttemptPhase phase, SmtpReply reply)
    {
        var step = new StepResult(phase, phase == AttemptPhase.Rcpt ? 0 : -1, reply, default, null,
            context.Now - _askedAt);
        if (phase < AttemptPhase.Mail)
        {
            FailOpening(step);
            return;
        }
        Dialogue.Answered = true;
        Dialogue.MailReply = phase == AttemptPhase.Mail ? reply : s_ok;
        if (phase > AttemptPhase.Mail)
            Dialogue.RecipientReplies.Add(phase == AttemptPhase.Rcpt ? reply : s_ok);
        if (phase > AttemptPhase.Rcpt)
            Dialogue.DataReply = phase == AttemptPhase.Data ? reply : s_go;
        if (phase > AttemptPhase.Data)
        {
            Dialogue.FinalReply = reply;
            Dialogue.DotSent = true;
        }
        Collect(step);
    }

    /// <summary>No answer will come. At the final dot the outcome is unknown.</summary>
    public void Broke(AttemptPhase phase, ConnectionFault fault, string detail)
    {
        var step = new StepResult(phase, -1, null, fault, detail, context.Now - _askedAt);
        if (phase < AttemptPhase.Mail)
        {
            FailOpening(step);
            return;
        }
        Dialogue.Answered = true;
        Dialogue.MailReply = s_ok;
        Dialogue.RecipientReplies.Add(s_ok);
        Dialogue.DotSent = phase == AttemptPhase.FinalDot;
        Dialogue.Broken = step;
        Collect(step);
    }

    /// <summary>Each tick, as <see cref="TargetConnection"/> does: breaks off what was waited for long enough, or what
    /// is in vain. True: it did, and the attempt is to be settled.</summary>
    public bool Check(TimeSpan connectMax, TimeSpan replyMax)
    {
        var silence = TimeSpan.FromTicks(context.Watch.Now - _askedOnWatch);
        var limit = _isDotSent ? replyMax : IsCutOff && connectMax < _patience ? connectMax : _patience;
        var phase = _isDotSent ? AttemptPhase.FinalDot : IsCutOff ? AttemptPhase.Connect : AttemptPhase.Greeting;
        if (silence >= limit)
        {
            Broke(phase, ConnectionFault.TimedOut, TargetConnection.Silence(limit));
            return true;
        }
        if (_isDotSent || IsCutOff || silence < TargetConnection.LeaveAfter || !_question.IsInVain)
            return false;
        Broke(phase, ConnectionFault.TimedOut, TargetConnection.Silence(silence) + ", and the target is closed");
        return true;
    }

    /// <summary>Before the message is settled.</summary>
    public void End()
    {
        _question.End();
        _choice.GiveBack(Dialogue);
        Result.Took = IsActive ? context.Now - _beganAt : TimeSpan.Zero;
        IsActive = false;
    }

    private void Ask(AttemptPhase phase, long bytes = 0)
    {
        (_askedAt, _askedOnWatch) = (context.Now, context.Watch.Now);
        _question.Asked(phase, bytes);
    }

    private void FailOpening(in StepResult step)
    {
        Report(step);
        Result.FailAll(Dialogue.Recipients, step);
        Result.FailedTarget = Target;
    }

    private void Collect(in StepResult step)
    {
        Dialogue.Steps.Add(step);
        Report(step);
        Result.Take(Dialogue);
        Result.Blame(Target);
    }

    private void Report(in StepResult step) => context.Placements.Report(_taken.Placement, Message,
        step.Recipient < 0 ? null : Message.Envelope.Recipients[Dialogue.Recipients[step.Recipient]].Address, step,
        context.Now);
}
