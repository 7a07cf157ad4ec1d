using System.Text;
using Holdfast.Mail;
using Holdfast.Mail.Deliver;
using Holdfast.Mail.Smtp;
using Holdfast.Mail.Spool;
using Holdfast.Sim.Delivery;
using Holdfast.Sim.Provider;
using Holdfast.Sim.Scenarios;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Sim.Runs;

/// <summary>Mail where the policy has a board for it: Mail's own delivery (<see cref="EdgeMail"/>) says what is tried
/// when; here are the ways to the targets and back.</summary>
internal sealed partial class Simulation
{
    private const long WakeMin = TimeSpan.TicksPerMillisecond;
    private static readonly SmtpReply s_tooBusy = SmtpReply.Of(421, 4, 3, 2, "Too busy");
    private static readonly SmtpReply s_serverError = SmtpReply.Of(451, 4, 3, 2, "Temporary server error");
    /// <summary>What each fault answers; null: no SMTP.</summary>
    private readonly SmtpReply?[] _faultReplies;
    /// <summary>By (service, priority): in edges' schedules, not under way.</summary>
    private readonly int[] _mailWaiting;
    private ulong _mailIds;

    private EdgeMail? MakeMail(int edge, EdgeState state) =>
        state.Policy.MailBoard is { } board && _scenario.Services.Any(s => s.Kind == ServiceKind.Mail)
            ? new EdgeMail(_scenario, edge, board, _seed, MailEnded) : null;

    /// <summary>The edge's delivery, brought up to now; null: the policy's mail waits in the edge's queue.</summary>
    private EdgeMail? MailOf(EdgeState edge, int service)
    {
        if (!_isMail[service] || edge.Mail is not { } mail)
            return null;
        mail.MoveTo(Now);
        return mail;
    }

    private void AcceptMail(int index, EdgeMail mail, bool waited)
    {
        ref var request = ref _requests[index];
        request.State = RequestState.Waiting;
        request.IsLost = false;
        _mailWaiting[SeriesIndex(request)]++;
        var spec = _work[request.Workload].Spec;
        var domain = EdgeMail.DomainOf(spec.Service);
        var sender = spec.Senders > 0 ? request.Cohort * 0x9E3779B1u % (uint)spec.Senders : request.Cohort;
        var tenant = spec.Tenants > 1 ? $"{spec.Name}-{request.Cohort % (uint)spec.Tenants}" : spec.Name;
        mail.Accept(new SpoolHandle(index, (uint)request.TrySerial), new Envelope
        {
            Id = MessageId.Create(mail.Wall, request.Edge, _mailIds++), ReceivedAt = mail.Wall,
            Sender = $"s{sender:x}@sender.example",
            Recipients = [new EnvelopeRecipient($"r{MailboxOf(request):x}@{domain}")],
            Priority = request.Priority, Tenant = tenant, SizeBytes = (long)request.SizeBytes,
        }, waited);
    }

    private uint MailboxOf(in Request request)
    {
        var mailboxes = (uint)_work[request.Workload].Spec.Mailboxes;
        return mailboxes > 0 ? request.Cohort * 0x85EBCA6Bu % mailboxes : request.Cohort;
    }

    /// <summary>Begins attempts until none may be made now.</summary>
    private void PumpMail(EdgeState edge, EdgeMail mail, DeliveryRoute? only = null)
    {
        TimeSpan wake;
        while (mail.TryBegin(only, out wake) is { } session)
            SendMail(session, edge);
        if (wake != TimeSpan.MaxValue)
            ArmMail(edge, wake);
    }

    private void SendMail(MailSession session, EdgeState edge)
    {
        var index = session.Request;
        ref var request = ref _requests[index];
        _mailWaiting[SeriesIndex(request)]--;
        request.Session = session.Id;
        session.IsCutOff = !Depart(index, edge, session.Taken.Placement);
    }

    private void ArmMail(EdgeState edge, TimeSpan wake)
    {
        var at = Math.Max(wake.Ticks, _now + WakeMin);
        if (edge.MailWakeAt <= at)
            return;
        edge.MailWakeAt = at;
        Push(at, EventKind.MailWake, edge.Index, ++edge.MailWakeToken);
    }

    private void WakeMail(int index, int token)
    {
        var edge = _edges[index];
        if (edge.MailWakeToken != token || edge.Mail is not { } mail)
            return;
        edge.MailWakeAt = long.MaxValue;
        if (_now < edge.PausedUntil)
        {
            ArmMail(edge, TimeSpan.FromTicks(edge.PausedUntil));
            return;
        }
        mail.MoveTo(Now);
        PumpMail(edge, mail);
    }

    private void Greeted(int index, int serial)
    {
        ref var request = ref _requests[index];
        if (request.AttemptSerial != serial)
            return;
        var edge = _edges[request.Edge];
        if (_now < edge.PausedUntil)
        {
            Push(edge.PausedUntil, EventKind.Greeted, index, serial);
            return;
        }
        edge.Mail!.MoveTo(Now);
        edge.Mail.Sessions[request.Session].Greeted();
    }

    /// <summary>Every 100 ms: what was waited for too long, what is due, what age brings.</summary>
    private void TickMail(EdgeState edge, EdgeMail mail)
    {
        mail.MoveTo(Now);
        mail.Tick();
        for (var i = 0; i < mail.Sessions.Count; i++)
        {
            var session = mail.Sessions[i];
            if (!session.IsActive)
                continue;
            ref var request = ref _requests[session.Request];
            var service = _scenario.Services[_work[request.Workload].Spec.Service];
            if (session.Check(service.ConnectTimeout, service.AttemptTimeout))
                SettleMail(session, mail);
        }
        PumpMail(edge, mail);
    }

    /// <summary>A target's answer to the attempt under way.</summary>
    private void AnswerMail(int index, EdgeState edge, EdgeMail mail, JobResult result, int fault)
    {
        ref var request = ref _requests[index];
        var session = mail.Sessions[request.Session];
        var route = session.Taken.Route;
        switch (result)
        {
            case JobResult.Success or JobResult.Lost:
                request.IsLost = result == JobResult.Lost;
                session.Delivered();
                break;
            case JobResult.PushedBack:
                _siteSeries[request.Placement.Site.Value].PushedBack[_step]++;
                session.Answered(AttemptPhase.Greeting, s_tooBusy);
                break;
            case JobResult.Refused:
                session.Broke(AttemptPhase.Connect, ConnectionFault.CannotConnect, "connection refused");
                break;
            case JobResult.Reset:
                session.Broke(request.IsTaken ? AttemptPhase.FinalDot : AttemptPhase.Greeting, ConnectionFault.Lost,
                    "connection reset");
                break;
            case JobResult.DependencyFailed:
                session.Answered(AttemptPhase.Rcpt, s_serverError);
                break;
            default:
                AnswerFault(session, request.Placement.Site, fault);
                break;
        }
        SettleMail(session, mail);
        PumpMail(edge, mail, route);
    }

    private void AnswerFault(MailSession session, SiteId site, int fault)
    {
        var spec = _scenario.Faults[fault];
        var phase = spec.Phase is { } told && told <= AttemptPhase.FinalDot ? told : AttemptPhase.Rcpt;
        if (_faultReplies[fault] is not { } reply)
        {
            session.Broke(phase == AttemptPhase.FinalDot ? AttemptPhase.Rcpt : phase, ConnectionFault.NotSmtp,
                spec.Text);
            return;
        }
        if (ReplyClassifier.IsPushBack(reply))
            _siteSeries[site.Value].PushedBack[_step]++;
        session.Answered(phase, reply);
    }

    private void SettleMail(MailSession session, EdgeMail mail)
    {
        var index = session.Request;
        ref var request = ref _requests[index];
        var site = _siteSeries[request.Placement.Site.Value];
        if (session.Result.IsDelivered)
            site.Succeeded[_step]++;
        else
            site.Failed[_step]++;
        // What still comes is for nobody.
        request.AttemptSerial++;
        var serial = request.TrySerial;
        mail.End(session);
        if (_requests[index].TrySerial != serial)
            return;
        _requests[index].State = RequestState.Waiting;
        _mailWaiting[SeriesIndex(_requests[index])]++;
    }

    /// <summary>Delivered, refused for good or expired.</summary>
    private void MailEnded(SpooledMessage message)
    {
        var index = message.Handle.Slot;
        ref var request = ref _requests[index];
        if (request.State == RequestState.Waiting)
            _mailWaiting[SeriesIndex(request)]--;
        if (message.Progress.Recipients[0].State == RecipientState.Delivered)
            Served(index, request.IsLost);
        else
            End(index, Ending.Failed);
    }

    internal static SmtpReply? ReplyOf(FaultSpec fault)
    {
        var octets = Encoding.ASCII.GetBytes(fault.Text + "\r\n");
        return ReplyScanner.Scan(octets, out var code, out var length) == ReplyScan.Complete
            ? ReplyScanner.Read(octets.AsSpan(0, length), code) : null;
    }
}
