using System.Runtime.CompilerServices;
using Holdfast.Sim.Clockwork;
using Holdfast.Sim.Provider;
using Holdfast.Sim.Scenarios;
using Holdfast.Traffic.Balance;

namespace Holdfast.Sim.Runs;

/// <summary>Clients: arrivals, time-outs and tries of their own, ends.</summary>
internal sealed partial class Simulation
{
    private readonly WorkloadState[] _work;
    private readonly long[] _edgeRequests;
    private readonly long[] _edgeServed;

    private enum Ending : byte { Served, Late, Failed, Shed, Lost }

    private void ScheduleArrival(int work)
    {
        var next = _work[work].Next(_now, _end);
        if (next <= _end)
            Push(Math.Max(next, _now), EventKind.Arrival, work);
    }

    private void FillBacklog(int work)
    {
        var state = _work[work];
        for (var i = 0; i < state.Spec.Backlog; i++)
        {
            var index = Create(state, work, state.DrawPriority());
            ref var request = ref _requests[index];
            request.IsBacklog = true;
            state.BacklogOf[request.Priority]++;
            var edge = _edges[request.Edge];
            if (MailOf(edge, state.Spec.Service) is { } mail)
                AcceptMail(index, mail, waited: true);
            else
                Enqueue(index, edge);
        }
        for (var i = 0; i < _waiting.Length; i++)
        {
            if (_waiting[i].Count > 0)
                ArmAsk(i, TimeSpan.Zero);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Create(WorkloadState state, int work, byte priority)
    {
        var index = _requests.Take();
        ref var request = ref _requests[index];
        request.ArrivedAt = _now;
        request.Workload = (ushort)work;
        request.Priority = priority;
        request.Operation = (byte)state.Spec.Operation;
        request.Edge = DrawEdge(state);
        request.Cohort = (uint)state.Random.NextBits();
        request.SizeBytes = state.DrawSize();
        request.Tries = 0;
        request.Attempts = 0;
        request.LastTarget = -1;
        request.IsBacklog = false;
        _totals.Requests++;
        _edgeRequests[EdgeIndex(request)]++;
        return index;
    }

    private byte DrawEdge(WorkloadState state)
    {
        if (_edges.Length == 1)
            return 0;
        var u = state.Random.NextDouble() * _edges[^1].WeightUpTo;
        var edge = 0;
        while (u >= _edges[edge].WeightUpTo)
            edge++;
        return (byte)edge;
    }

    private void Arrive(int work)
    {
        var state = _work[work];
        var recorded = state.Due;
        var isRecorded = state.Spec.Recorded.Length > 0;
        var priority = isRecorded && recorded.Priority >= 0 ? (byte)recorded.Priority : state.DrawPriority();
        var index = Create(state, work, priority);
        ref var request = ref _requests[index];
        if (isRecorded)
        {
            if (recorded.Operation >= 0)
                request.Operation = (byte)recorded.Operation;
            if (recorded.SizeBytes >= 0)
                request.SizeBytes = recorded.SizeBytes;
        }
        state.Arrived[priority][_step]++;
        SeriesOf(request).Requests[_step]++;
        if (_isMail[state.Spec.Service] && IsHopeless(request))
            state.Hopeless[priority][_step]++;
        BeginTry(index);
        ScheduleArrival(work);
    }

    /// <summary>A client sends, and begins to wait.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void BeginTry(int index)
    {
        ref var request = ref _requests[index];
        var state = _work[request.Workload];
        _totals.Offered++;
        SeriesOf(request).Offered[_step]++;
        if (!_isMail[state.Spec.Service])
        {
            if (state.Timeouts.IsFull)
                DropEndedTries(state.Timeouts);
            if (state.Timeouts.Set(_now, index, request.TrySerial))
                Push(_now + state.Timeouts.Ticks, EventKind.ClientTimers, request.Workload);
        }
        Offer(index);
    }

    private void DropEndedTries(TimerLine line)
    {
        while (!line.IsEmpty && _requests[line.Head.Subject].TrySerial != line.Head.Serial)
        {
            NearMemory.Ask(ref _requests[line.Later(Ahead).Subject].TrySerial);
            line.Take();
        }
    }

    private void Try(int index, int serial)
    {
        ref var request = ref _requests[index];
        if (request.TrySerial != serial)
            return;
        if (request.State == RequestState.Held)
            Offer(index);
        else if (request.State == RequestState.ClientWaits)
            BeginTry(index);
    }

    private void RunClientTimers(int work)
    {
        var line = _work[work].Timeouts;
        while (!line.IsEmpty && line.Head.Due <= _now)
        {
            var timer = line.Take();
            ClientTimeout(timer.Subject, timer.Serial);
        }
        DropEndedTries(line);
        if (line.Rearm())
            Push(line.Head.Due, EventKind.ClientTimers, work);
    }

    /// <summary>An HTTP client closes: whatever the edge does for it is broken off, and says nothing of the target.
    /// </summary>
    private void ClientTimeout(int index, int serial)
    {
        ref var request = ref _requests[index];
        if (request.TrySerial != serial)
            return;
        var edge = _edges[request.Edge];
        if (_now < edge.PausedUntil && request.State != RequestState.Held)
        {
            Push(edge.PausedUntil, EventKind.ClientTimeout, index, serial);
            return;
        }
        var service = _work[request.Workload].Spec.Service;
        switch (request.State)
        {
            case RequestState.Waiting:
                Unlink(index);
                Withdraw(index, edge, service);
                break;
            case RequestState.InFlight:
                edge.Policy.Release(request.Placement, false, Now);
                break;
        }
        request.AttemptSerial++;
        ClientFailed(index, refused: false);
        Pump(QueueOf(edge.Index, service));
    }

    private void ClientFailed(int index, bool refused)
    {
        ref var request = ref _requests[index];
        var state = _work[request.Workload];
        request.TrySerial++;
        if (request.Tries >= state.Spec.Client.Retries)
        {
            End(index, refused ? Ending.Shed : Ending.Failed);
            return;
        }
        request.Tries++;
        request.Attempts = 0;
        request.LastTarget = -1;
        request.State = RequestState.ClientWaits;
        Push(_now + state.DrawBackoff(request.Tries), EventKind.Try, index, request.TrySerial);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Served(int index, bool isLost)
    {
        ref var request = ref _requests[index];
        var waited = _now - request.ArrivedAt;
        _latencies[SeriesIndex(request)].Add(waited);
        _totals.LatencySeconds += waited / (double)TimeSpan.TicksPerSecond;
        End(index, isLost ? Ending.Lost
            : waited <= _work[request.Workload].Spec.Deadline.Ticks ? Ending.Served : Ending.Late);
    }

    private void End(int index, Ending ending)
    {
        ref var request = ref _requests[index];
        var series = SeriesOf(request);
        switch (ending)
        {
            case Ending.Served:
                _totals.Served++;
                _edgeServed[EdgeIndex(request)]++;
                series.Served[_step]++;
                series.ServedOfArrived[(int)(request.ArrivedAt / _stepTicks)]++;
                break;
            case Ending.Late:
                _totals.Late++;
                series.Late[_step]++;
                break;
            case Ending.Lost:
                _totals.Lost++;
                series.Lost[_step]++;
                break;
            case Ending.Shed:
                _totals.Shed++;
                break;
            default:
                _totals.Failed++;
                series.Failed[_step]++;
                break;
        }
        FreeRequest(index);
    }

    private int EdgeIndex(in Request request) =>
        request.Edge * _services * RunRecord.Priorities + SeriesIndex(request);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int SeriesIndex(in Request request) =>
        _work[request.Workload].Spec.Service * RunRecord.Priorities + request.Priority;

    private ServiceSeries SeriesOf(in Request request) => _series[SeriesIndex(request)];
}
