using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;

namespace Holdfast.Mail.Route;

/// <summary>Finds the hosts that take a domain's mail, as RFC 5321 §5.1 says.</summary>
/// <remarks>
/// Promise: hosts by preference, equal ones shuffled anew by each call; the domain's own address when there is no MX;
/// RFC 7505's null MX and our own place in the list are seen. Answers are kept by TTL within DnsKeepMin and DnsKeepMax;
/// while DNS fails the last answer serves. One question at a time a domain. A domain that had hosts within a day isn't
/// declared dead by one denial: its mail waits, since a denial bounces and can't be taken back.
/// </remarks>
internal sealed class MxResolver(IDnsSource dns, IOptionsMonitor<RouteOptions> options, string hostName,
    IReadOnlySet<IPAddress> ownAddresses, TimeProvider time, Random random) : IMxResolver
{
    private const int HostsMax = 20;
    private const int AddressesMax = 8;
    private static readonly TimeSpan DenialDoubtedFor = TimeSpan.FromDays(1);

    private readonly LastAnswers<MxAnswer> _answers = new(options.CurrentValue.DnsEntriesMax);
    /// <summary>Questions under way. Lazy: one that ended before it was entered would stay here, and be its name's
    /// answer, for ever.</summary>
    private readonly ConcurrentDictionary<string, Lazy<Task<MxAnswer>>> _asking = new(StringComparer.OrdinalIgnoreCase);
    private readonly Lock _randomGate = new();

    public async ValueTask<MxAnswer> ResolveAsync(string domain, CancellationToken abort)
    {
        if (domain is ['[', .., ']'])
            return Literal(domain);
        if (_answers.Find(domain) is { } kept && kept.DueAt > Now)
            return Shuffled(kept.Answer);
        // The question outlives a caller that gives up: others may wait for it, and its answer is kept.
        var asking = Asking(domain);
        return Shuffled(await asking.WaitAsync(abort));
    }

    private Task<MxAnswer> Asking(string domain) =>
        _asking.GetOrAdd(domain, name => new Lazy<Task<MxAnswer>>(() => AskAsync(name))).Value;

    private TimeSpan Now => time.GetElapsedTime(0);

    private async Task<MxAnswer> AskAsync(string domain)
    {
        // Not on the caller, who may wait for something else.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            using var deadline = new CancellationTokenSource(options.CurrentValue.DnsTimeout * 4, time);
            var (answer, keepFor) = await LookUpAsync(domain, deadline.Token);
            return Keep(domain, answer, keepFor);
        }
        catch (OperationCanceledException)
        {
            return Keep(domain, new MxAnswer(MxAnswerKind.Unavailable, [], $"{domain}: no answer from DNS in time"),
                TimeSpan.Zero);
        }
        finally
        {
            _asking.TryRemove(domain, out _);
        }
    }

    /// <summary>Keeps what is worth keeping and returns what holds now.</summary>
    private MxAnswer Keep(string domain, MxAnswer answer, TimeSpan keepFor)
    {
        var settings = options.CurrentValue;
        var last = _answers.Find(domain);
        var hadHosts = last is { Answer.Kind: MxAnswerKind.Hosts };
        if (answer.Kind == MxAnswerKind.Unavailable)
        {
            if (!hadHosts)
                return answer;
            // Asked again soon, but not by each message.
            _answers.Set(last! with { DueAt = Now + settings.DnsKeepMin });
            return last.Answer with { IsStale = true };
        }
        if (answer.Kind == MxAnswerKind.NoSuchDomain && hadHosts && Now - last!.AnsweredAt < DenialDoubtedFor)
            return new MxAnswer(MxAnswerKind.Unavailable, [],
                $"{answer.Detail}, yet it had mail exchangers within a day: waiting for DNS to be sure");
        var kept = keepFor < settings.DnsKeepMin ? settings.DnsKeepMin
            : keepFor > settings.DnsKeepMax ? settings.DnsKeepMax : keepFor;
        _answers.Set(new(domain, answer, Now, Now + kept));
        return answer;
    }

    private async Task<(MxAnswer Answer, TimeSpan KeepFor)> LookUpAsync(string domain, CancellationToken abort)
    {
        var mx = await dns.MxAsync(domain, abort);
        switch (mx.Kind)
        {
            case DnsReplyKind.Failed:
                return (new MxAnswer(MxAnswerKind.Unavailable, [], mx.Detail), TimeSpan.Zero);
            case DnsReplyKind.NoName:
                return (new MxAnswer(MxAnswerKind.NoSuchDomain, [], $"{domain} doesn't exist"), mx.KeepFor);
            case DnsReplyKind.NoRecords:
                // RFC 5321 §5.1: without MX the domain itself is the host, at preference 0.
                return await HostsAsync(domain, [new MxEntry(0, domain)], mx.KeepFor, isImplicit: true, abort);
        }
        var entries = mx.Records.Where(r => r.Host.Length > 0).DistinctBy(r => r.Host.ToLowerInvariant())
            .OrderBy(r => r.Preference).Take(HostsMax).ToList();
        // RFC 7505 §3: a lone MX of "." means no mail at all; beside others it is an error and is passed over.
        return entries.Count == 0
            ? (new MxAnswer(MxAnswerKind.NullMx, [], $"{domain} takes no mail (null MX)"), mx.KeepFor)
            : await HostsAsync(domain, entries, mx.KeepFor, isImplicit: false, abort);
    }

    private async Task<(MxAnswer Answer, TimeSpan KeepFor)> HostsAsync(string domain, List<MxEntry> entries,
        TimeSpan keepFor, bool isImplicit, CancellationToken abort)
    {
        var hosts = ImmutableArray.CreateBuilder<MxHost>();
        var failed = "";
        var denied = "";
        var cutAt = int.MaxValue;
        foreach (var entry in entries)
        {
            // RFC 5321 §5.1: where we stand in the list ourselves, only hosts more preferred than us may be tried.
            if (entry.Preference >= cutAt)
                break;
            if (string.Equals(entry.Host, hostName, StringComparison.OrdinalIgnoreCase))
            {
                cutAt = entry.Preference;
                continue;
            }
            var addresses = await dns.AddressesAsync(entry.Host, abort);
            if (addresses.Kind == DnsReplyKind.Failed)
                failed = addresses.Detail;
            else if (addresses.Kind != DnsReplyKind.Found)
                denied = addresses.Detail;
            else if (addresses.Records.Any(ownAddresses.Contains))
                cutAt = entry.Preference;
            else
            {
                hosts.Add(new MxHost(entry.Host, entry.Preference, [.. addresses.Records.Take(AddressesMax)]));
                keepFor = keepFor < addresses.KeepFor ? keepFor : addresses.KeepFor;
            }
        }
        var usable = hosts.Where(h => h.Preference < cutAt).ToImmutableArray();
        if (usable.Length > 0)
            return (new MxAnswer(MxAnswerKind.Hosts, usable, isImplicit ? $"{domain} has no MX; its own address is used"
                : $"{usable.Length} of {entries.Count} mail exchangers of {domain} can be tried"), keepFor);
        if (cutAt != int.MaxValue)
            return (new MxAnswer(MxAnswerKind.LoopsToUs, [], $"mail for {domain} loops back to {hostName}"), keepFor);
        if (failed.Length > 0)
            return (new MxAnswer(MxAnswerKind.Unavailable, [], failed), TimeSpan.Zero);
        return isImplicit
            ? (new MxAnswer(MxAnswerKind.NoSuchDomain, [], $"{domain} has neither MX nor address"), keepFor)
            // There are exchangers, none with an address: their mistake, often a passing one. The mail waits.
            : (new MxAnswer(MxAnswerKind.Unavailable, [], $"no mail exchanger of {domain} has an address ({denied})"),
                TimeSpan.Zero);
    }

    private static MxAnswer Literal(string domain)
    {
        // RFC 5321 §4.1.3: [192.0.2.1] or [IPv6:2001:db8::1].
        var inner = domain.AsSpan(1, domain.Length - 2);
        var isV6 = inner.StartsWith("IPv6:", StringComparison.OrdinalIgnoreCase);
        return IPAddress.TryParse(isV6 ? inner[5..] : inner, out var address)
            && address.AddressFamily == (isV6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork)
            ? new MxAnswer(MxAnswerKind.Hosts, [new MxHost(domain, 0, [address])], "address literal")
            : new MxAnswer(MxAnswerKind.NoSuchDomain, [], $"{domain} is no address literal");
    }

    /// <summary>RFC 5321 §5.1: hosts of equal preference in random order, to spread the load.</summary>
    private MxAnswer Shuffled(MxAnswer answer)
    {
        var hosts = answer.Hosts;
        if (hosts.Length < 2)
            return answer;
        var shuffled = hosts.ToArray();
        lock (_randomGate)
        {
            for (var from = 0; from < shuffled.Length;)
            {
                var to = from + 1;
                while (to < shuffled.Length && shuffled[to].Preference == shuffled[from].Preference)
                    to++;
                random.Shuffle(shuffled.AsSpan(from, to - from));
                from = to;
            }
        }
        return answer with { Hosts = [.. shuffled] };
    }
}
