using System.Buffers;
using System.Net;
using System.Text;
using System.Text.Json;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;
using Holdfast.Web.Forward;
using Holdfast.Web.Probes;
using Holdfast.Web.Records;
using Holdfast.Web.Select;

namespace Holdfast.Fuzz.Targets;

/// <summary>Session cookies, and what targets answer.</summary>
internal static class WebSessionTargets
{
    private static readonly byte[] s_key = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
    private static readonly DateTimeOffset s_now = new(2026, 1, 22, 19, 0, 0, TimeSpan.Zero);
    private static readonly Placement s_placement = new(PlacementKind.Send, new TargetId(0), new SiteId(0), false,
        WaitReason.None, TimeSpan.Zero);
    private static readonly Topology s_topology = Topology.FromOptions(new TopologyOptions
    {
        Regions = [new() { Name = "na" }],
        Sites = [new() { Name = "web-na", Service = "web", Region = "na", Targets = [new() { Address = "192.0.2.1:80" }] }],
    });

    /// <summary>A Cookie field; @ stands for a cookie of ours.</summary>
    public static int Cookie(ReadOnlySpan<byte> input)
    {
        var places = new SessionPlaces([s_key], new Random(1));
        var ours = places.Bind("web", new TargetId(0), s_topology, TimeSpan.FromMinutes(10), s_now);
        var text = Encoding.Latin1.GetString(input);
        var field = text.Replace("@", ours, StringComparison.Ordinal);
        var values = new List<string>();
        foreach (var value in new CookieValues(field, "sid"))
            values.Add(value.ToString());
        var expected = field.Split(';').Select(p => p.Trim(' '))
            .Where(p => p.StartsWith("sid=", StringComparison.Ordinal)).Select(p => p[4..]).Take(4).ToList();
        Promise.Holds(values.SequenceEqual(expected), "the values of the name, in their order");
        var without = CookieField.Without(field, "sid");
        Promise.Holds(!new CookieValues(without, "sid").MoveNext(), "targets don't get it");
        static string[] Others(string field) => [.. field.Split(';').Select(p => p.Trim(' '))
            .Where(p => p.Length > 0 && !p.StartsWith("sid=", StringComparison.Ordinal))];
        Promise.Holds(Others(without).SequenceEqual(Others(field)), "the others pass");
        Promise.Holds(expected.Count > 0 || ReferenceEquals(without, field), "without it nothing changes");
        var place = places.Find("web", field, "sid", s_topology, s_now);
        Promise.Holds(place is null == !values.Contains(ours), "only what we signed is believed");
        var cookie = new AffinityCookie(s_key);
        foreach (var value in values)
        {
            if (cookie.Read("web", value) is { } bond)
                Promise.Holds(cookie.Write("web", bond) == value, "there is one way to write a bond");
        }
        return HashCode.Combine(values.Count, place is null, values.Count > 0 && values[0].Length == ours.Length);
    }

    /// <summary>The file with the keys of cookies.</summary>
    public static int Keys(ReadOnlySpan<byte> input)
    {
        var keys = AffinityKeys.Parse(Encoding.UTF8.GetString(input), out var fault);
        Promise.Holds(keys.Count == 0 == fault is not null, "there are keys or there is a fault");
        Promise.Holds(keys.Count <= AffinityKeys.KeysMax && keys.All(k =>
            k.Length is >= AffinityKeys.CharsMin and <= AffinityKeys.CharsMax), "keys keep their bounds");
        return HashCode.Combine(keys.Count, fault?.Length);
    }

    /// <summary>The file with a probe's secret.</summary>
    public static int Secret(ReadOnlySpan<byte> input)
    {
        var text = Encoding.UTF8.GetString(input);
        text = text[..Math.Min(text.Length, SecretLine.CharsMax)];
        var secret = SecretLine.Parse(text);
        Promise.Holds(secret is null || (secret.Length is > 0 and < SecretLine.CharsMax
            && secret.All(c => c is >= ' ' and <= '~')), "a secret is a field's value");
        Promise.Holds(secret is null || text.Split('\r', '\n')[0].Trim() == secret, "it is the first line");
        using var request = new HttpRequestMessage();
        if (secret is not null)
            request.Headers.Add("Authorization", secret);
        return HashCode.Combine(secret is null, (int)Math.Log2((secret?.Length ?? 0) + 1), secret?.Contains(' '));
    }

    /// <summary>A target's Retry-After.</summary>
    public static int RetryAfter(ReadOnlySpan<byte> input)
    {
        using var response = new HttpResponseMessage(HttpStatusCode.ServiceUnavailable);
        foreach (var line in Encoding.Latin1.GetString(input).Split('\n').Take(4))
            response.Headers.TryAddWithoutValidation("Retry-After", line);
        var outcome = AttemptOutcome.OfAnswer(s_placement, OperationClass.Read, response.StatusCode, response.Headers,
            TimeSpan.Zero, s_now);
        Promise.Holds(outcome is { IsPushBack: true, IsSuccess: false } && outcome.RetryAfter >= TimeSpan.Zero,
            "a push-back asks for time or for none");
        return (int)Math.Log2(outcome.RetryAfter.TotalSeconds + 1);
    }

    /// <summary>The statuses and the text that a probe expects, and what it got.</summary>
    public static int Probe(ReadOnlySpan<byte> input)
    {
        var pieces = new Pieces(input);
        var (statuses, text, status) = (pieces.Text(), pieces.Text(), pieces.UInt16());
        var isSet = StatusSet.TryParse(statuses, out var set);
        Promise.Holds(!isSet || (!set.Contains(99) && !set.Contains(600)), "statuses are those of HTTP");
        if (!isSet)
            return -1;
        var body = pieces.Rest.ToArray();
        var service = new ProbedService(new ProbeServiceOptions { Service = "web", ExpectStatus = statuses, ExpectBody = text },
            TimeProvider.System);
        var outcome = service.Judge(s_topology.Targets[0], new ProbeAnswer(Math.Max((int)status, 1), body, default,
            TimeSpan.Zero));
        Promise.Holds(outcome.IsSuccess == (set.Contains(Math.Max((int)status, 1))
            && body.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0), "well is what was expected");
        return HashCode.Combine(outcome.IsSuccess, outcome.Detail?.Length, text.Length == 0);
    }

    /// <summary>A record's line.</summary>
    public static int Record(ReadOnlySpan<byte> input)
    {
        var pieces = new Pieces(input);
        var (host, method, trace, path) = (pieces.Text(), pieces.Text(), pieces.TextOrNull(), pieces.Text());
        var output = new ArrayBufferWriter<byte>();
        using var line = new AccessLine();
        line.Write(new AccessRecord
        {
            At = s_now, Method = method, Host = host, Path = path, Status = 200, Outcome = "answered",
            Trace = TraceParent.TraceIdOf(trace),
        }, output);
        Promise.Holds(output.WrittenSpan.IndexOf((byte)'\n') == output.WrittenCount - 1, "a record is one line");
        Promise.Holds(output.WrittenCount < 20_000, "a line is bounded");
        var read = JsonDocument.Parse(output.WrittenMemory).RootElement;
        Promise.Holds(path.StartsWith(read.GetProperty("path").GetString()!.TrimEnd('…'), StringComparison.Ordinal)
            || path.Contains('…', StringComparison.Ordinal), "the path reads back");
        return HashCode.Combine(read.EnumerateObject().Count(), path.Length / 512, host.Length / 64);
    }
}
