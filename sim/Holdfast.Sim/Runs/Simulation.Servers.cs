using System.Runtime.CompilerServices;
using Holdfast.Sim.Clockwork;
using Holdfast.Sim.Provider;
using Holdfast.Sim.Scenarios;

namespace Holdfast.Sim.Runs;

/// <summary>The provider's side: networks, servers with queues, what they depend on.</summary>
internal sealed partial class Simulation
{
    private const long CallFailsAfter = TimeSpan.TicksPerMillisecond;
    private const long ResendAfter = 200 * TimeSpan.TicksPerMillisecond;
    private const int ResendsMax = 6;
    private readonly ServerPool[] _pools;
    private readonly Server[] _servers;
    private readonly LinkState[] _links;
    private readonly TimerLine[] _callTimers;
    private readonly RandomStream _networkRandom;
    private readonly RandomStream _effectRandom;

    private (ServerPool[] Pools, Server[] Servers) MakeServers()
    {
        var pools = new List<ServerPool>();
        var servers = new List<Server>();
        for (var i = 0; i < _sites + _scenario.Components.Length; i++)
        {
            var isSite = i < _sites;
            var spec = isSite ? _scenario.Sites[i].Server : _scenario.Components[i - _sites].Server;
            var name = isSite ? _scenario.Sites[i].Name : _scenario.Components[i - _sites].Name;
            var random = new RandomStream(_seed, "servers:" + name);
            pools.Add(new ServerPool
            {
                Spec = spec, Name = name, First = servers.Count, Random = random,
                Site = isSite ? i : -1, Component = isSite ? -1 : i - _sites,
                OperationFactors = isSite ? [.. _scenario.Sites[i].OperationFactors] : [1, 1, 1, 1, 1, 1, 1, 1],
                DependsOn = isSite ? _scenario.Sites[i].DependsOn : [],
                IsMail = isSite && _scenario.Services[_scenario.Sites[i].Service].Kind == ServiceKind.Mail,
                GreetsWhenFree = isSite
                    && _scenario.Services[_scenario.Sites[i].Service].Greets == Greeting.WhenFree,
                MeanTicks = spec.ServiceTimeMean.Ticks,
                MeanFactor = Exact.Exp(-spec.ServiceTimeSigma * spec.ServiceTimeSigma / 2),
            });
            for (var s = 0; s < spec.Count; s++)
            {
                servers.Add(new Server
                {
                    QueueHead = -1, QueueTail = -1, Workers = spec.Concurrency, Pool = i, FullSince = -1,
                    ColdFactor = 1, Speed = (float)ServerSpeeds.Draw(spec, random),
                });
            }
        }
        return ([.. pools], [.. servers]);
    }

    private LinkState[] MakeLinks()
    {
        var regions = _scenario.Regions.Length;
        var links = new LinkState[_edges.Length * regions];
        for (var e = 0; e < _edges.Length; e++)
        {
            for (var r = 0; r < regions; r++)
            {
                var spec = LinkOf(_scenario, e, r);
                links[e * regions + r] = new LinkState
                {
                    Delay = spec.Delay.Ticks, Jitter = spec.Jitter.Ticks, Loss = spec.Loss,
                };
            }
        }
        _regionOf = [.. _scenario.Sites.Select(s =>
            _scenario.Regions.ToList().FindIndex(r => FieldReader.Same(r, s.Region)))];
        return links;
    }

    private int[] _regionOf = [];

    /// <summary>The last link that names edge and region, one that names the region only, or the usual.</summary>
    internal static LinkSpec LinkOf(Scenario scenario, int edge, int region)
    {
        var found = scenario.Network.Default;
        foreach (var link in scenario.Network.Links)
        {
            if (FieldReader.Same(link.Region, scenario.Regions[region])
                && (link.Edge.Length == 0 || FieldReader.Same(link.Edge, scenario.Edges[edge].Name)))
                found = link;
        }
        return found;
    }

    private struct LinkState
    {
        public long Delay;
        public double Jitter;
        public double Loss;
        public int Partitions;
    }

    /// <summary>False: nothing passes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryReach(int edge, int site, out long delay) => TryPass(edge, _regionOf[site], out delay);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryPass(int edge, int region, out long delay)
    {
        ref var link = ref _links[edge * _scenario.Regions.Length + region];
        delay = link.Delay;
        if (link.Partitions > 0)
            return false;
        if (link.Jitter > 0)
            delay += (long)(link.Jitter * _networkRandom.NextExponential());
        if (link.Loss <= 0)
            return true;
        var again = ResendAfter;
        for (var i = 0; i < ResendsMax && _networkRandom.NextDouble() < link.Loss; i++)
        {
            delay += again;
            again *= 2;
        }
        return true;
    }

    /// <summary>A job reaches its server.</summary>
    private void Reach(int index, int serial)
    {
        ref var job = ref _jobs[index];
        if (job.Serial != serial)
            return;
        ref var server = ref _servers[job.Server];
        if (server.Downs > 0)
        {
            Respond(index, JobResult.Refused);
            return;
        }
        if (server.Effects > 0 && !PassesEffects(index))
            return;
        var pool = _pools[server.Pool];
        if (pool.IsMail && !pool.GreetsWhenFree && (server.Busy < server.Workers || server.Queued < pool.Spec.QueueMax))
            Greet(job, pool);
        if (server.Busy < server.Workers)
        {
            Start(index);
            return;
        }
        if (server.Queued >= pool.Spec.QueueMax)
        {
            NoteFull(job.Server);
            // A crash has answered it already.
            if (job.Serial == serial && _servers[job.Server].Downs == 0)
                Respond(index, JobResult.PushedBack);
            else if (job.Serial == serial)
                Respond(index, JobResult.Reset);
            return;
        }
        job.State = JobState.Queued;
        job.Next = -1;
        if (server.QueueTail >= 0)
            _jobs[server.QueueTail].Next = index;
        else
            server.QueueHead = index;
        server.QueueTail = index;
        server.Queued++;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Start(int index)
    {
        ref var job = ref _jobs[index];
        ref var server = ref _servers[job.Server];
        server.Busy++;
        if (_pools[server.Pool].DependsOn.Length == 0)
        {
            Serve(index);
            return;
        }
        job.Stage = 0;
        job.CallTries = 0;
        CallComponent(index);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Serve(int index)
    {
        ref var job = ref _jobs[index];
        ref var server = ref _servers[job.Server];
        var pool = _pools[server.Pool];
        var spec = pool.Spec;
        var ticks = pool.MeanTicks * pool.OperationFactors[job.Operation] * job.Work / server.Speed;
        if (spec.IsExponential)
            ticks *= pool.Random.NextExponential();
        else if (spec.ServiceTimeSigma > 0)
            ticks *= pool.MeanFactor * Exact.Exp(spec.ServiceTimeSigma * pool.Random.NextNormal());
        if (server.IsCold)
            ticks *= Coldness(ref server);
        if (spec.Slowing > 0 && server.Queued > 0)
            ticks *= 1 + spec.Slowing * server.Queued / Math.Max(1, server.Workers);
        if (spec.BytesPerSecond > 0)
            ticks += job.SizeBytes / spec.BytesPerSecond * TimeSpan.TicksPerSecond;
        job.State = JobState.Served;
        if (pool.GreetsWhenFree)
            Greet(job, pool);
        Push(_now + Math.Max(1, (long)ticks), EventKind.Done, index, job.Serial);
    }

    private double Coldness(ref Server server)
    {
        var warm = server.WarmTicks <= 0 ? 1 : (_now - server.ColdFrom) / (double)server.WarmTicks;
        if (warm < 1)
            return 1 + (server.ColdFactor - 1) * (1 - warm);
        server.IsCold = false;
        return 1;
    }

    private void Done(int index, int serial)
    {
        ref var job = ref _jobs[index];
        if (job.Serial != serial || job.State != JobState.Served)
            return;
        var server = job.Server;
        _pools[_servers[server].Pool].DoneInStep++;
        _servers[server].Busy--;
        var result = job.IsLost ? JobResult.Lost : JobResult.Success;
        StartNext(server);
        Respond(index, result);
    }

    private void StartNext(int index)
    {
        ref var server = ref _servers[index];
        while (server.Queued > 0 && server.Busy < server.Workers && server.Downs == 0)
        {
            var job = server.QueueHead;
            server.QueueHead = _jobs[job].Next;
            if (server.QueueHead < 0)
                server.QueueTail = -1;
            server.Queued--;
            var pool = _pools[server.Pool];
            if (server.FullSince >= 0 && server.Queued * 2 < pool.Spec.QueueMax)
                server.FullSince = -1;
            // Nobody answers its greeting.
            if (pool.IsMail && IsAbandoned(_jobs[job]))
                FreeJob(job);
            else
                Start(job);
        }
    }

    /// <summary>From here on the message is the server's, if it ends well: without an answer nobody knows.</summary>
    private void Greet(in Job job, ServerPool pool)
    {
        ref var request = ref _requests[job.Request];
        if (IsAbandoned(job) || request.State != RequestState.InFlight || _edges[job.Edge].Mail is null)
            return;
        request.IsTaken = true;
        ref var link = ref _links[job.Edge * _scenario.Regions.Length + _regionOf[pool.Site]];
        if (link.Partitions == 0)
            Push(_now + link.Delay, EventKind.Greeted, job.Request, job.AttemptSerial);
    }

    private bool IsAbandoned(in Job job) => _requests[job.Request].AttemptSerial != job.AttemptSerial;

    /// <summary>The job leaves its server: an answer on its way, or a call that returns.</summary>
    private void Respond(int index, JobResult result)
    {
        ref var job = ref _jobs[index];
        if (job.Parent >= 0)
        {
            var (parent, call, component) = (job.Parent, job.ParentCall, _pools[_servers[job.Server].Pool].Component);
            FreeJob(index);
            EndCall(parent, call, component, result);
            return;
        }
        var site = _pools[_servers[job.Server].Pool].Site;
        if (!TryReach(job.Edge, site, out var delay))
        {
            // The answer is lost on the way; the edge's time-out will tell.
            FreeJob(index);
            return;
        }
        job.State = JobState.Answered;
        job.Result = result;
        Push(_now + delay, EventKind.Answer, index, job.Serial);
    }

    private void Answer(int index, int serial)
    {
        ref var job = ref _jobs[index];
        if (job.Serial != serial)
            return;
        var edge = _edges[job.Edge];
        if (_now < edge.PausedUntil)
        {
            Push(edge.PausedUntil, EventKind.Answer, index, serial);
            return;
        }
        var request = job.Request;
        var (attempt, result, fault) = (job.AttemptSerial, job.Result, job.Fault);
        FreeJob(index);
        if (_requests[request].AttemptSerial != attempt)
        {
            if (result == JobResult.Success)
                _totals.Wasted++;
            return;
        }
        if (_requests[request].State == RequestState.Canary)
        {
            EndCanary(request, edge, result);
            return;
        }
        var service = _work[_requests[request].Workload].Spec.Service;
        if (MailOf(edge, service) is { } mail)
        {
            AnswerMail(request, edge, mail, result, fault);
            return;
        }
        var isMail = _isMail[service];
        EndAttempt(request, edge, result == JobResult.FaultError
            ? Answers.Of(_scenario.Faults[fault], isMail) : Answers.Of(result, isMail));
    }

    /// <summary>Asks a component; the worker is held until it answers.</summary>
    private void CallComponent(int index)
    {
        ref var job = ref _jobs[index];
        var pool = _pools[_servers[job.Server].Pool];
        var component = pool.DependsOn[job.Stage];
        job.State = JobState.Calling;
        var call = ++job.Call;
        var series = _componentSeries[component];
        series.Asked[_step]++;
        var line = _callTimers[component];
        if (line.IsFull)
            DropEndedCalls(line);
        if (line.Set(_now, index, call))
            Push(_now + line.Ticks, EventKind.CallTimers, component);
        if (pool.Lost[job.Stage] > 0)
            return;
        var callee = _pools[_sites + component];
        var start = pool.Random.Next(callee.Count);
        for (var i = 0; i < callee.Count; i++)
        {
            var instance = callee.First + (start + i) % callee.Count;
            if (_servers[instance].Downs > 0)
                continue;
            var child = _jobs.Take();
            ref var asked = ref _jobs[child];
            asked.Request = -1;
            asked.Parent = index;
            asked.ParentCall = call;
            asked.Server = instance;
            asked.Work = 1;
            asked.SizeBytes = 0;
            asked.Operation = 0;
            asked.IsLost = false;
            Reach(child, asked.Serial);
            return;
        }
        Push(_now + CallFailsAfter, EventKind.CallFailed, index, call);
    }

    private void EndCall(int parent, int call, int component, JobResult result)
    {
        if (_jobs[parent].Call != call || _jobs[parent].State != JobState.Calling)
        {
            _totals.Wasted++;
            return;
        }
        if (result != JobResult.Success)
        {
            // Not at once: a queue of failures must not become a chain of calls within one moment.
            Push(_now + CallFailsAfter, EventKind.CallFailed, parent, call);
            return;
        }
        _componentSeries[component].Done[_step]++;
        ref var job = ref _jobs[parent];
        job.Call++;
        job.CallTries = 0;
        if (++job.Stage < _pools[_servers[job.Server].Pool].DependsOn.Length)
            CallComponent(parent);
        else
            Serve(parent);
    }

    private void DropEndedCalls(TimerLine line)
    {
        while (!line.IsEmpty && _jobs[line.Head.Subject].Call != line.Head.Serial)
            line.Take();
    }

    private void RunCallTimers(int component)
    {
        var line = _callTimers[component];
        while (!line.IsEmpty && line.Head.Due <= _now)
        {
            var timer = line.Take();
            CallFailed(timer.Subject, timer.Serial);
        }
        DropEndedCalls(line);
        if (line.Rearm())
            Push(line.Head.Due, EventKind.CallTimers, component);
    }

    private void CallFailed(int index, int call)
    {
        ref var job = ref _jobs[index];
        if (job.Call != call || job.State != JobState.Calling)
            return;
        var pool = _pools[_servers[job.Server].Pool];
        var component = pool.DependsOn[job.Stage];
        _componentSeries[component].Failed[_step]++;
        if (job.CallTries < _scenario.Components[component].Retries)
        {
            job.CallTries++;
            CallComponent(index);
            return;
        }
        var server = job.Server;
        _servers[server].Busy--;
        StartNext(server);
        Respond(index, JobResult.DependencyFailed);
    }
}
