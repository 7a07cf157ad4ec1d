using System.Collections.Immutable;
using Holdfast.Traffic.Balance;

namespace Holdfast.Sim.Scenarios;

/// <summary>Workloads: rates, shapes, priorities, clients.</summary>
internal sealed partial class ScenarioReader
{
    private const double RateMax = 10_000_000;

    private ImmutableArray<WorkloadSpec> ReadWorkloads(FieldReader at)
    {
        var workloads = ImmutableArray.CreateBuilder<WorkloadSpec>();
        foreach (var (work, index) in at.Objects("workloads", 100, required: true))
        {
            var service = _services.Count == 1 && !work.Has("service") ? 0
                : work.Named("service", [.. _services.Select(s => s.Name)], required: true);
            var isMail = service >= 0 && service < _services.Count && _services[service].Kind == ServiceKind.Mail;
            var operation = work.Named("operation", OperationNames);
            var sizes = work.Object("sizes");
            var recorded = ReadRecorded(work);
            workloads.Add(new WorkloadSpec
            {
                Name = work.Text("name", $"workload-{index + 1}", 60),
                Service = Math.Max(0, service),
                Operation = operation >= 0 ? (OperationClass)operation : (OperationClass)(isMail ? 0 : 1),
                RatePerSecond = work.Number("ratePerSecond", 0, RateMax, 0,
                    required: recorded.IsEmpty && !work.Has("backlog")),
                Shape = ReadShape(work.Object("shape")),
                IsPoisson = work.Choice("arrivals", ArrivalKind.Poisson) == ArrivalKind.Poisson,
                Recorded = recorded,
                Priorities = ReadPriorities(work),
                Deadline = work.Time("deadline", TimeSpan.FromMilliseconds(1), s_longest,
                    isMail ? TimeSpan.FromMinutes(5) : TimeSpan.FromSeconds(10)),
                Client = ReadClient(work.Object("client"), isMail),
                Backlog = work.Whole("backlog", 0, 5_000_000, 0),
                Tenants = work.Whole("tenants", 1, 1_000_000, 1),
                Senders = work.Whole("senders", 0, 1_000_000, 0),
                Mailboxes = work.Whole("mailboxes", 0, 1_000_000, 0),
                SizeMedian = sizes.Number("median", 0, 1e10, 0),
                SizeSigma = sizes.Number("sigma", 0, 4, 0),
            });
            if (workloads[^1].Backlog > 0 && !isMail)
                work.Fault("backlog", "only mail waits");
            foreach (var field in (string[])["tenants", "senders", "mailboxes"])
            {
                if (!isMail && work.Has(field))
                    work.Fault(field, "only mail has it");
            }
            sizes.Close();
            work.Close();
        }
        return workloads.ToImmutable();
    }

    private enum ArrivalKind : byte { Poisson, Even }

    private ImmutableArray<RecordedArrival> ReadRecorded(FieldReader at)
    {
        var name = at.Text("file");
        return name.Length > 0 && FetchCsv(at, name) is { } bytes
            ? CsvFile.ReadArrivals(bytes, name, OperationNames, _notes.Faults) : [];
    }

    private static ImmutableArray<double> ReadPriorities(FieldReader at)
    {
        var shares = new double[Runs.RunRecord.Priorities];
        var pairs = at.Pairs("priorities");
        if (pairs.Count == 0)
        {
            shares[at.Whole("priority", 0, shares.Length - 1, 2)] = 1;
            return [.. shares];
        }
        if (at.Has("priority"))
            at.Fault("priority", "priority and priorities are both given", "leave one out");
        foreach (var (name, _, value) in pairs)
        {
            if (name.Length == 1 && name[0] is >= '0' and <= '5')
                shares[name[0] - '0'] = at.Number(value, "priorities." + name, 0, 1e6, 0);
            else
                at.Fault(value, "priorities", $"\"{name}\" is no priority", "0 (most important) to 5");
        }
        var sum = shares.Sum();
        if (sum <= 0)
        {
            at.Fault("priorities", "the shares sum to nothing");
            return [0, 0, 1, 0, 0, 0];
        }
        return [.. shares.Select(s => s / sum)];
    }

    private ShapeSpec ReadShape(FieldReader at)
    {
        var kind = at.Choice("kind", ShapeKind.Constant);
        var steps = ImmutableArray.CreateBuilder<(TimeSpan, double)>();
        foreach (var (item, _) in at.Objects("steps", 1000, required: kind == ShapeKind.Steps))
        {
            var since = item.Time("at", TimeSpan.Zero, s_longest, TimeSpan.Zero, required: true);
            if (steps.Count > 0 && since <= steps[^1].Item1)
                item.Fault("at", "is not after the one before");
            steps.Add((since, item.Number("factor", 0, 1000, 1, required: true)));
            item.Close();
        }
        var shape = new ShapeSpec
        {
            Kind = kind,
            Amplitude = at.Number("amplitude", 0, 1, 0.5),
            Period = at.Time("period", TimeSpan.FromSeconds(1), s_longest, TimeSpan.FromDays(1)),
            Phase = at.Time("phase", TimeSpan.Zero, s_longest, TimeSpan.Zero),
            Factor = at.Number("factor", 0, 1000, 1, required: kind is ShapeKind.Ramp or ShapeKind.Burst),
            At = at.Time("at", TimeSpan.Zero, s_longest, TimeSpan.Zero),
            For = at.Time("for", TimeSpan.FromMilliseconds(1), s_longest, _duration,
                required: kind == ShapeKind.Burst),
            Every = at.Time("every", TimeSpan.Zero, s_longest, TimeSpan.Zero),
            Steps = steps.ToImmutable(),
        };
        if (shape.Every > TimeSpan.Zero && shape.Every < shape.For)
            at.Fault("every", "is shorter than one burst (for)");
        at.Close();
        return shape;
    }

    private static ClientSpec ReadClient(FieldReader at, bool isMail)
    {
        var usual = new ClientSpec();
        var client = new ClientSpec
        {
            Timeout = at.Time("timeout", TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(1), usual.Timeout),
            Retries = at.Whole("retries", 0, 1000, isMail ? 10 : 0),
            Backoff = at.Time("backoff", TimeSpan.Zero, TimeSpan.FromHours(10),
                isMail ? TimeSpan.FromMinutes(5) : usual.Backoff),
            BackoffFactor = at.Number("backoffFactor", 1, 10, usual.BackoffFactor),
            Jitter = at.Number("jitter", 0, 1, 0.2),
        };
        at.Close();
        return client;
    }
}
