using System.Diagnostics;
using System.Runtime.CompilerServices;
using Holdfast.Sim.Clockwork;
using Holdfast.Sim.Policies;
using Holdfast.Sim.Provider;
using Holdfast.Sim.Scenarios;
using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Gateways;
using Holdfast.Traffic.Targets;

namespace Holdfast.Sim.Runs;

/// <summary>One run of a scenario under one policy and seed, in virtual time.</summary>
/// <remarks>
/// Discrete events in the order of (time, sequence); one thread; a random stream a component, so that the arrivals are
/// the same for every policy. The same scenario, policy and seed give the same <see cref="RunRecord"/>, bit for bit.
/// Requests and jobs live in pools and series are allocated at the start: a request costs no allocation.
/// What it leaves out: connections are not modelled one by one (an attempt is one message there and one back); clients
/// are beside their edge and stay with it; servers don't notice that nobody waits for an answer any more.
/// </remarks>
internal sealed partial class Simulation
{
    /// <summary>So many events before its own an event's memory is asked for.</summary>
    private const int Ahead = 4;
    private readonly Scenario _scenario;
    private readonly ulong _seed;
    private readonly EventQueue _queue = new();
    private readonly long _stepTicks;
    private readonly long _end;
    private readonly int _sites;
    private readonly int _services;
    private readonly RunTotals _totals = new();
    private long _now;
    private int _step;
    private long _events;

    private Pool<Request> _requests = new();
    private Pool<Job> _jobs = new();

    private Simulation(Scenario scenario, NamedPolicy policy, ulong seed)
    {
        _scenario = scenario;
        _seed = seed;
        _stepTicks = scenario.Step.Ticks;
        _end = scenario.Duration.Ticks;
        _sites = scenario.Sites.Length;
        _services = scenario.Services.Length;
        _series = [.. Enumerable.Range(0, _services * RunRecord.Priorities).Select(_ => new ServiceSeries(Steps))];
        _siteSeries = [.. scenario.Sites.Select(_ => new SiteSeries(Steps))];
        _componentSeries = [.. scenario.Components.Select(_ => new ComponentSeries(Steps))];
        _latencies = [.. _series.Select(_ => new LatencyBins())];
        (_pools, _servers) = MakeServers();
        _edges = MakeEdges(policy);
        _edgeRequests = new long[_edges.Length * _services * RunRecord.Priorities];
        _edgeServed = new long[_edgeRequests.Length];
        _waiting = MakeQueues();
        _mailWaiting = new int[_series.Length];
        _faultReplies = [.. scenario.Faults.Select(ReplyOf)];
        _isMail = [.. scenario.Services.Select(s => s.Kind == ServiceKind.Mail)];
        _targetsOf = [.. scenario.Services.Select((_, i) =>
            scenario.Sites.Where(s => s.Service == i).Sum(s => s.Server.Count))];
        _links = MakeLinks();
        _reports = new GatewayReport?[_edges.Length * _edges.Length];
        _attemptTimers = [.. scenario.Services.Select(s => new TimerLine(s.AttemptTimeout.Ticks))];
        _callTimers = [.. scenario.Components.Select(c => new TimerLine(c.Timeout.Ticks))];
        _canaryTimers = new TimerLine(scenario.Canaries.Deadline.Ticks);
        _canaryRandom = new RandomStream(seed, "canaries");
        _networkRandom = new RandomStream(seed, "network");
        _edgeRandom = new RandomStream(seed, "edges");
        _effectRandom = new RandomStream(seed, "effects");
        _work = [.. scenario.Workloads.Select((w, i) => new WorkloadState(w, seed, i, Steps))];
        _periods = FaultTimeline.Draw(scenario, seed);
        _sample = new SitesSample(_sites, scenario.Targets);
        _targetsClosed = new bool[scenario.Targets];
    }

    private int Steps => (int)((_end + _stepTicks - 1) / _stepTicks);

    private TimeSpan Now => TimeSpan.FromTicks(_now);

    /// <param name="progress">Called about once per hundredth of the duration; null: not at all.</param>
    public static RunRecord Run(Scenario scenario, NamedPolicy policy, ulong? seed = null,
        Action<TimeSpan>? progress = null)
    {
        var started = Stopwatch.GetTimestamp();
        var run = new Simulation(scenario, policy, seed ?? scenario.Seed);
        run.Begin();
        run.Loop(progress);
        return run.Finish(policy.Name, Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    private void Begin()
    {
        for (var i = 0; i < _edges.Length; i++)
            _queue.Push((long)(_edgeRandom.NextDouble() * TickTicks), (int)EventKind.Tick, i);
        if (_scenario.Canaries.Enabled)
        {
            for (var i = 0; i < _edges.Length * _sites; i++)
            {
                if (_scenario.Sites[i % _sites].HasCanary)
                    _queue.Push((long)(_canaryRandom.NextDouble() * _scenario.Canaries.Every.Ticks),
                        (int)EventKind.Canary, i);
            }
        }
        for (var i = 0; i < _periods.Count; i++)
        {
            _queue.Push(_periods[i].From.Ticks, (int)EventKind.FaultBegins, i);
            _queue.Push(_periods[i].To.Ticks, (int)EventKind.FaultEnds, i);
        }
        for (var i = 0; i < _scenario.Acts.Length; i++)
            _queue.Push(_scenario.Acts[i].At.Ticks, (int)EventKind.Act, i);
        for (var i = 0; i < _work.Length; i++)
        {
            FillBacklog(i);
            ScheduleArrival(i);
        }
        _queue.Push(Math.Min(_stepTicks, _end), (int)EventKind.Step, 0);
    }

    private void Loop(Action<TimeSpan>? progress)
    {
        var tell = Math.Max(_stepTicks, _end / 100);
        var nextTell = tell;
        while (_queue.TryPop(out var next))
        {
            if (next.Time > _end)
                break;
            _now = next.Time;
            _events++;
            FetchAhead();
            Handle(next);
            if (progress is null || _now < nextTell)
                continue;
            nextTell += tell;
            progress(Now);
        }
    }

    /// <summary>With thousands of targets most of the time goes into waiting for memory: what the next events will
    /// touch is asked for while this one is handled (bench/results/tuning.md).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void FetchAhead()
    {
        if (_queue.TryWalk(out var far) && far.Kind <= (int)EventKind.Answer)
            NearMemory.AskAll(ref _jobs[far.A]);
        while (_queue.TryTell(Ahead, out var near))
        {
            if (near.Kind <= (int)EventKind.Answer)
                FetchFor(near, _jobs[near.A]);
        }
        // What waits at a server that is done in a moment.
        if (_queue.TryPeek(out var next) && next.Kind == (int)EventKind.Done)
        {
            var waiting = _servers[_jobs[next.A].Server].QueueHead;
            if (waiting >= 0)
                NearMemory.AskAll(ref _jobs[waiting]);
        }
    }

    private void FetchFor(in SimEvent near, in Job job)
    {
        if (near.Kind != (int)EventKind.Answer)
        {
            NearMemory.AskAll(ref _servers[job.Server]);
        }
        else if (job.Request >= 0)
        {
            NearMemory.AskAll(ref _requests[job.Request]);
            _edges[job.Edge].Policy.Fetch(new TargetId(job.Server), job.Ticket, (OperationClass)job.Operation,
                TimeSpan.FromTicks(near.Time - job.SentAt));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Handle(in SimEvent next)
    {
        switch ((EventKind)next.Kind)
        {
            case EventKind.Reach: Reach(next.A, next.B); break;
            case EventKind.Done: Done(next.A, next.B); break;
            case EventKind.Answer: Answer(next.A, next.B); break;
            case EventKind.Arrival: Arrive(next.A); break;
            case EventKind.Try: Try(next.A, next.B); break;
            case EventKind.ClientTimers: RunClientTimers(next.A); break;
            case EventKind.ClientTimeout: ClientTimeout(next.A, next.B); break;
            case EventKind.Tick: Tick(next.A); break;
            case EventKind.Ask: Ask(next.A, next.B); break;
            case EventKind.Again: Again(next.A, next.B); break;
            case EventKind.AttemptTimers: RunAttemptTimers(next.A); break;
            case EventKind.AttemptTimeout: AttemptTimeout(next.A, next.B, connecting: false); break;
            case EventKind.ConnectTimeout: AttemptTimeout(next.A, next.B, connecting: true); break;
            case EventKind.CallTimers: RunCallTimers(next.A); break;
            case EventKind.CallFailed: CallFailed(next.A, next.B); break;
            case EventKind.Canary: SendCanary(next.A); break;
            case EventKind.CanaryTimers: RunCanaryTimers(); break;
            case EventKind.FaultBegins: BeginFault(next.A); break;
            case EventKind.FaultEnds: EndFault(next.A); break;
            case EventKind.Restart: Restart(next.A); break;
            case EventKind.Report: Hear(next.A); break;
            case EventKind.Act: Act(next.A); break;
            case EventKind.Greeted: Greeted(next.A, next.B); break;
            case EventKind.MailWake: WakeMail(next.A, next.B); break;
            case EventKind.Step: EndStep(); break;
        }
    }

    /// <summary>Serials live on: what still points here is void.</summary>
    private void FreeRequest(int index)
    {
        ref var request = ref _requests[index];
        request.State = RequestState.Free;
        request.AttemptSerial++;
        request.TrySerial++;
        _requests.GiveBack(index);
    }

    private void FreeJob(int index)
    {
        ref var job = ref _jobs[index];
        job.State = JobState.Free;
        job.Serial++;
        job.Call++;
        _jobs.GiveBack(index);
    }

    private void Push(long time, EventKind kind, int a, int b = 0) => _queue.Push(time, (int)kind, a, b);

    private static Topology MakeTopology(Scenario scenario, string home)
    {
        string[] regions = [home, .. scenario.Regions.Where(r => !FieldReader.Same(r, home))];
        var topology = Topology.FromOptions(new TopologyOptions
        {
            HomeRegion = home,
            Regions = [.. regions.Select(r => new RegionOptions { Name = r })],
            Sites = [.. scenario.Sites.Select((s, i) => new SiteOptions
            {
                Name = s.Name,
                Service = scenario.Services[s.Service].Name,
                Region = s.Region,
                CapacityPerSecond = s.DeclaredCapacity,
                DependsOn = [.. s.DependsOn.Select(c => scenario.Components[c].Name)],
                Targets = [.. Enumerable.Range(0, s.Server.Count).Select(t => new TargetOptions
                {
                    Address = $"{s.Name}-{t}:{i + 1}", ConcurrencyMax = s.ConcurrencyMax,
                })],
            })],
        });
        for (var i = 0; i < scenario.Sites.Length; i++)
        {
            if (topology.Sites[i].Name != scenario.Sites[i].Name
                || topology.Sites[i].Service.Value != scenario.Sites[i].Service)
                throw new InvalidOperationException("The topology numbers sites or services in another way.");
        }
        return topology;
    }
}
