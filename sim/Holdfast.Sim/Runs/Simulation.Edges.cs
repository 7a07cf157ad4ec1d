using System.Numerics;
using Holdfast.Sim.Clockwork;
using Holdfast.Sim.Policies;
using Holdfast.Sim.Provider;
using Holdfast.Sim.Scenarios;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Sim.Runs;

/// <summary>Edges: admission, queue and spool, placing, outcomes, ticks.</summary>
internal sealed partial class Simulation
{
    private const long TickTicks = TimeSpan.TicksPerSecond / 10;
    private const long AskMin = TimeSpan.TicksPerMillisecond;
    private const long AskMax = TimeSpan.TicksPerSecond;
    /// <summary>Mail that waited longer is backlog, as Mail's <c>FreshFor</c> says.</summary>
    private const long FreshTicks = 5 * TimeSpan.TicksPerSecond;
    private const int AgingMax = 64;
    /// <summary>HAProxy's <c>inter</c>.</summary>
    private const long ProbeTicks = 2 * TimeSpan.TicksPerSecond;
    private readonly EdgeState[] _edges;
    private readonly EdgeQueue[] _waiting;
    private readonly TimerLine[] _attemptTimers;
    private readonly RandomStream _edgeRandom;
    private readonly int[] _targetsOf;
    private readonly bool[] _isMail;

    private EdgeState[] MakeEdges(NamedPolicy policy)
    {
        var topologies = new List<(string Home, Topology Topology)>();
        var edges = new EdgeState[_scenario.Edges.Length];
        var weight = 0.0;
        for (var i = 0; i < edges.Length; i++)
        {
            var spec = _scenario.Edges[i];
            var known = topologies.FindIndex(t => FieldReader.Same(t.Home, spec.Home));
            if (known < 0)
            {
                known = topologies.Count;
                topologies.Add((spec.Home, MakeTopology(_scenario, spec.Home)));
            }
            weight += spec.Weight;
            edges[i] = new EdgeState(i, spec.Name, policy.Create(topologies[known].Topology, _scenario.Traffic,
                edges.Length, new RandomStream(_seed, "policy:" + spec.Name)), weight);
            edges[i].Mail = MakeMail(i, edges[i]);
        }
        return edges;
    }

    private EdgeQueue[] MakeQueues()
    {
        var queues = new EdgeQueue[_edges.Length * _services];
        for (var i = 0; i < queues.Length; i++)
            queues[i] = new EdgeQueue();
        return queues;
    }

    private int QueueOf(int edge, int service) => edge * _services + service;

    /// <summary>A request reaches its edge.</summary>
    private void Offer(int index)
    {
        ref var request = ref _requests[index];
        var edge = _edges[request.Edge];
        if (_now < edge.PausedUntil)
        {
            request.State = RequestState.Held;
            Push(edge.PausedUntil, EventKind.Try, index, request.TrySerial);
            return;
        }
        var service = _work[request.Workload].Spec.Service;
        if (MailOf(edge, service) is { } mail)
        {
            SeriesOf(request).Admitted[_step]++;
            AcceptMail(index, mail, waited: false);
            PumpMail(edge, mail);
            return;
        }
        // Mail waits in the spool, which is no queue that a client waits for.
        if (!_isMail[service] && !edge.Policy.Admit(new ServiceId(service), request.Priority, request.Cohort, Now))
        {
            Refuse(index);
            return;
        }
        SeriesOf(request).Admitted[_step]++;
        Enter(index, edge);
    }

    private void Refuse(int index)
    {
        _totals.Refusals++;
        SeriesOf(_requests[index]).Shed[_step]++;
        ClientFailed(index, refused: true);
    }

    /// <summary>Places it, or lets it wait behind those of its priority.</summary>
    private void Enter(int index, EdgeState edge)
    {
        ref var request = ref _requests[index];
        var service = _work[request.Workload].Spec.Service;
        ref var queue = ref _waiting[QueueOf(edge.Index, service)];
        var spec = _scenario.Services[service];
        request.IsBacklog |= spec.Kind == ServiceKind.Mail && _now - request.ArrivedAt > FreshTicks;
        var list = ListOf(request.Priority, request.IsBacklog);
        var isNewestFirst = !_isMail[service] && edge.Policy.IsNewestFirst(new ServiceId(service));
        var ahead = queue.Used & ((isNewestFirst ? 1u << list : 2u << list) - 1);
        var placement = default(Placement);
        if (ahead == 0 && TryPlace(index, edge, out placement))
            return;
        if (placement.Wait == WaitReason.RetryBudget && spec.Kind == ServiceKind.Http)
        {
            ClientFailed(index, refused: false);
            return;
        }
        if (spec.Kind == ServiceKind.Http && queue.Count >= spec.EdgeQueueMax)
        {
            Withdraw(index, edge, service);
            Refuse(index);
            return;
        }
        Enqueue(index, edge);
        if (ahead == 0)
            ArmAsk(QueueOf(edge.Index, service), placement.RetryAfter);
    }

    /// <summary>Leaves the queue unplaced. What was placed before and waits for its retry isn't counted there any more.
    /// </summary>
    private void Withdraw(int index, EdgeState edge, int service)
    {
        if (_requests[index].Attempts == 0)
            edge.Policy.Withdraw(new ServiceId(service), Now);
    }

    private bool TryPlace(int index, EdgeState edge, out Placement placement)
    {
        ref var request = ref _requests[index];
        var service = _work[request.Workload].Spec.Service;
        var isMail = _isMail[service];
        // What a failure moves to another place at once is, of mail, no retry: it was never taken.
        var asked = new PlacementRequest(new ServiceId(service), (OperationClass)request.Operation, request.Priority,
            request.IsBacklog, new TargetId(request.LastTarget), null,
            isMail ? (byte)0 : (byte)Math.Min(request.Attempts, byte.MaxValue), isMail);
        placement = edge.Policy.Place(asked, request.Cohort, Now);
        if (!placement.MaySend)
            return false;
        Send(index, edge, placement, service);
        return true;
    }

    private void Send(int index, EdgeState edge, in Placement placement, int service)
    {
        ref var request = ref _requests[index];
        if (request.State == RequestState.Waiting)
            Unlink(index);
        request.LastTarget = placement.Target.Value;
        var reaches = Depart(index, edge, placement);
        var serial = request.AttemptSerial;
        if (!reaches)
        {
            Push(_now + _scenario.Services[service].ConnectTimeout.Ticks, EventKind.ConnectTimeout, index, serial);
            return;
        }
        var line = _attemptTimers[service];
        if (line.IsFull)
            DropEndedAttempts(line);
        if (line.Set(_now, index, serial))
            Push(_now + line.Ticks, EventKind.AttemptTimers, service);
    }

    /// <summary>An attempt begins. False: nothing passes, and nobody will answer.</summary>
    private bool Depart(int index, EdgeState edge, in Placement placement)
    {
        ref var request = ref _requests[index];
        request.State = RequestState.InFlight;
        request.IsTaken = false;
        request.Placement = placement;
        request.SentAt = _now;
        var serial = ++request.AttemptSerial;
        _totals.Attempts++;
        SeriesOf(request).Placed[_step]++;
        _siteSeries[placement.Site.Value].Placed[_step]++;
        if (!TryReach(edge.Index, placement.Site.Value, out var delay))
            return false;
        var job = _jobs.Take();
        ref var work = ref _jobs[job];
        work.Request = index;
        work.SentAt = _now;
        work.AttemptSerial = serial;
        work.Ticket = placement.Ticket;
        work.Parent = -1;
        work.Server = placement.Target.Value;
        work.Work = 1;
        work.SizeBytes = request.SizeBytes;
        work.Operation = request.Operation;
        work.Edge = request.Edge;
        work.IsLost = false;
        Push(_now + delay, EventKind.Reach, job, work.Serial);
        return true;
    }

    private void DropEndedAttempts(TimerLine line)
    {
        while (!line.IsEmpty && _requests[line.Head.Subject].AttemptSerial != line.Head.Serial)
        {
            NearMemory.Ask(ref _requests[line.Later(Ahead).Subject].AttemptSerial);
            line.Take();
        }
    }

    private void RunAttemptTimers(int service)
    {
        var line = _attemptTimers[service];
        while (!line.IsEmpty && line.Head.Due <= _now)
        {
            var timer = line.Take();
            AttemptTimeout(timer.Subject, timer.Serial, connecting: false);
        }
        DropEndedAttempts(line);
        if (line.Rearm())
            Push(line.Head.Due, EventKind.AttemptTimers, service);
    }

    private void AttemptTimeout(int index, int serial, bool connecting)
    {
        ref var request = ref _requests[index];
        if (request.AttemptSerial != serial || request.State != RequestState.InFlight)
            return;
        var edge = _edges[request.Edge];
        if (_now < edge.PausedUntil)
        {
            Push(edge.PausedUntil, connecting ? EventKind.ConnectTimeout : EventKind.AttemptTimeout, index, serial);
            return;
        }
        var isMail = _isMail[_work[request.Workload].Spec.Service];
        EndAttempt(index, edge, connecting ? Answers.NoConnection : isMail ? Answers.NoReplyToMail : Answers.NoReply);
    }

    /// <summary>Tells the policy what an attempt came to and goes on from there.</summary>
    private void EndAttempt(int index, EdgeState edge, in AttemptAnswer answer)
    {
        ref var request = ref _requests[index];
        var service = _work[request.Workload].Spec.Service;
        var succeeded = answer.Scope == FailureScope.None;
        var outcome = new TrafficOutcome(request.Placement.Target, (OperationClass)request.Operation, answer.Phase,
            answer.Scope, TimeSpan.FromTicks(_now - request.SentAt), answer.Detail,
            request.Cohort * 0x9E3779B1u | 1u, request.Cohort * 0x85EBCA6Bu | 1u)
        {
            Ticket = request.Placement.Ticket, IsPushBack = answer.IsPushBack,
        };
        var site = _siteSeries[request.Placement.Site.Value];
        if (succeeded)
            site.Succeeded[_step]++;
        else
            site.Failed[_step]++;
        if (answer.IsPushBack)
            site.PushedBack[_step]++;
        edge.Policy.Report(outcome, Now);
        edge.Policy.Release(request.Placement, succeeded, Now);
        request.AttemptSerial++;
        if (succeeded)
            Served(index, answer.IsLost);
        else
            AfterFailure(index, edge, outcome, service);
        Pump(QueueOf(edge.Index, service));
    }

    private void AfterFailure(int index, EdgeState edge, in TrafficOutcome outcome, int service)
    {
        ref var request = ref _requests[index];
        request.Attempts++;
        var isMail = _isMail[service];
        if (!isMail && !edge.Policy.MayRetry(outcome, request.Attempts, Now))
        {
            ClientFailed(index, refused: false);
            return;
        }
        var wait = edge.Policy.RetryDelay(outcome, isMail, request.Attempts, _edgeRandom.NextDouble());
        request.State = RequestState.Delayed;
        if (wait > TimeSpan.Zero)
        {
            request.LastTarget = -1;
            Push(_now + wait.Ticks, EventKind.Again, index, request.AttemptSerial);
            return;
        }
        // At once, and not where it failed just now, if there is another.
        if (_targetsOf[service] < 2)
            request.LastTarget = -1;
        Enter(index, edge);
    }

    private void Again(int index, int serial)
    {
        ref var request = ref _requests[index];
        if (request.AttemptSerial != serial || request.State != RequestState.Delayed)
            return;
        var edge = _edges[request.Edge];
        if (_now < edge.PausedUntil)
            Push(edge.PausedUntil, EventKind.Again, index, serial);
        else
            Enter(index, edge);
    }

    private void Ask(int queue, int token)
    {
        if (_waiting[queue].AskToken != token)
            return;
        _waiting[queue].AskAt = long.MaxValue;
        var edge = _edges[queue / _services];
        if (_now < edge.PausedUntil)
            ArmAsk(queue, TimeSpan.FromTicks(edge.PausedUntil - _now));
        else
            Pump(queue);
    }

    private void ArmAsk(int queue, TimeSpan wait)
    {
        ref var waiting = ref _waiting[queue];
        var at = _now + Math.Clamp(wait.Ticks, AskMin, AskMax);
        if (waiting.AskAt <= at)
            return;
        waiting.AskAt = at;
        Push(at, EventKind.Ask, queue, ++waiting.AskToken);
    }

    /// <summary>Asks for places for what waits, the most important first, fresh before backlog, until there is none.
    /// </summary>
    private void Pump(int queueIndex)
    {
        ref var queue = ref _waiting[queueIndex];
        if (queue.Count == 0)
            return;
        var edge = _edges[queueIndex / _services];
        if (_now < edge.PausedUntil)
            return;
        var service = queueIndex % _services;
        var isMail = _isMail[service];
        var aging = AgingMax;
        var isNewestFirst = !isMail && edge.Policy.IsNewestFirst(new ServiceId(service));
        while (queue.Used != 0)
        {
            var list = BitOperations.TrailingZeroCount(queue.Used);
            var index = isNewestFirst ? queue.Tails[list] : queue.Heads[list];
            ref var request = ref _requests[index];
            var age = _now - request.ArrivedAt;
            if (isMail && list < RunRecord.Priorities && age > FreshTicks && aging-- > 0)
            {
                Unlink(index);
                request.IsBacklog = true;
                Enqueue(index, edge);
                continue;
            }
            if (!isMail && age > _work[request.Workload].Spec.Deadline.Ticks)
            {
                Unlink(index);
                Withdraw(index, edge, service);
                Refuse(index);
                continue;
            }
            if (!TryPlace(index, edge, out var placement))
            {
                if (placement.Wait == WaitReason.RetryBudget && !isMail)
                {
                    // Only this one may not be sent again; those behind it are asked for.
                    Unlink(index);
                    ClientFailed(index, refused: false);
                    continue;
                }
                ArmAsk(queueIndex, placement.RetryAfter);
                return;
            }
        }
    }

    private static int ListOf(byte priority, bool isBacklog) => priority + (isBacklog ? RunRecord.Priorities : 0);

    private void Enqueue(int index, EdgeState edge)
    {
        ref var request = ref _requests[index];
        ref var queue = ref _waiting[QueueOf(edge.Index, _work[request.Workload].Spec.Service)];
        var list = ListOf(request.Priority, request.IsBacklog);
        request.State = RequestState.Waiting;
        request.LastTarget = -1;
        request.InBacklogQueue = request.IsBacklog;
        request.Next = -1;
        request.Previous = queue.Tails[list];
        if (request.Previous >= 0)
            _requests[request.Previous].Next = index;
        else
            queue.Heads[list] = index;
        queue.Tails[list] = index;
        queue.Counts[list]++;
        queue.Count++;
        queue.Used |= 1u << list;
    }

    private void Unlink(int index)
    {
        ref var request = ref _requests[index];
        ref var queue = ref _waiting[QueueOf(request.Edge, _work[request.Workload].Spec.Service)];
        var list = ListOf(request.Priority, request.InBacklogQueue);
        if (request.Previous >= 0)
            _requests[request.Previous].Next = request.Next;
        else
            queue.Heads[list] = request.Next;
        if (request.Next >= 0)
            _requests[request.Next].Previous = request.Previous;
        else
            queue.Tails[list] = request.Previous;
        queue.Count--;
        if (--queue.Counts[list] == 0)
            queue.Used &= ~(1u << list);
        request.State = RequestState.Delayed;
    }

    private void Tick(int index)
    {
        var edge = _edges[index];
        if (_now < edge.PausedUntil)
        {
            Push(edge.PausedUntil, EventKind.Tick, index);
            return;
        }
        edge.Policy.Tick(Now);
        edge.Policy.TakeChanges(_sample.Changes);
        NoteChanges(index);
        ProbePorts(edge);
        Tell(edge);
        for (var service = 0; service < _services; service++)
            Pump(QueueOf(index, service));
        if (edge.Mail is { } mail)
            TickMail(edge, mail);
        // A timer is never quite punctual.
        Push(_now + TickTicks + (long)(_edgeRandom.NextDouble() * TimeSpan.TicksPerMillisecond), EventKind.Tick, index);
    }

    /// <summary>A port check costs the target nothing and is answered within a round trip, which is left out.</summary>
    private void ProbePorts(EdgeState edge)
    {
        if (_now < edge.ProbeAt)
            return;
        edge.ProbeAt = _now + ProbeTicks;
        for (var site = 0; site < _sites; site++)
        {
            var pool = _pools[site];
            var isCutOff = _links[edge.Index * _scenario.Regions.Length + _regionOf[site]].Partitions > 0;
            for (var server = pool.First; server < pool.First + pool.Count; server++)
                edge.Policy.ReportProbe(new TargetId(server), !isCutOff && _servers[server].Downs == 0, Now);
        }
    }

    private void Act(int index)
    {
        var act = _scenario.Acts[index];
        foreach (var place in act.Where)
        {
            var target = place.Kind == PlaceKind.Target
                ? new TargetId(_pools[place.First].First + place.Second) : TargetId.None;
            var byHand = new PolicyAct(act.Kind, new SiteId(place.First), target, act.Weight, act.For);
            foreach (var edge in _edges)
                edge.Policy.Act(byHand, Now);
        }
    }
}
