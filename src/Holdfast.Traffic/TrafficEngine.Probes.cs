using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;

namespace Holdfast.Traffic;

/// <summary>Probes: what a host learns by asking a target itself, beside traffic.</summary>
/// <remarks>
/// A probe asks for little, often not what users ask for, so it may add trouble to what traffic says and never take
/// any away:
/// - A failing probe is a failed attempt, but beside traffic not more often than at its ordinary interval.
/// - A passing one counts only where there is no traffic to judge by, and never as a latency: a check that does nothing
///   is quick, and what is slower than it isn't slow.
/// - What is closed: a passing probe is the canary that is due, if probes saw the fault too. Where they passed all the
///   time they are blind to it: then a request is the canary, and the probe only when none came for long (an idle
///   service). A site that end-to-end canaries closed is opened by them alone.
/// - While probes fail requests aren't spent as canaries, up to <c>CanaryWaitMax</c> longer than without.
/// </remarks>
internal sealed partial class TrafficEngine
{
    /// <summary>A canary that nobody was for so long may be a probe that didn't see the fault.</summary>
    private const double UnclaimedSeconds = 30;
    /// <summary>So long before the verdict a failing probe saw the same fault.</summary>
    private const double SameFaultSeconds = 10;

    /// <summary>Tells what a probe came to; returns whether its target is in doubt or closed.</summary>
    public bool ReportProbe(in TrafficOutcome probe, TimeSpan time)
    {
        if (probe.Target.IsNone || probe.Target.Value >= _targets.Length)
            return false;
        var now = time.TotalSeconds;
        var target = _targets[probe.Target.Value];
        var site = _sites[target.Site.Value];
        if (target.IsRetired)
            return false;
        if (target.Keys[(int)probe.Operation] is { } known)
            target.Probes.Look(Math.Max(known.Test.LastSuccessAt, known.Test.LastFailureAt));
        if (probe.IsSuccess)
            Pass(site, target, probe.Operation, now);
        else if (!SpansPause(now - probe.Latency.TotalSeconds, now))
            Miss(site, target, probe, now);
        return IsInDoubt(target.Keys) || IsInDoubt(site.Keys);
    }

    private void Miss(SiteState site, TargetState target, in TrafficOutcome probe, double now)
    {
        target.Probes.FailedAt = now;
        target.Probes.IsFailing = true;
        var isClosed = false;
        var isAll = IsFailingAll(site);
        for (var i = 0; i < OperationsMax; i++)
        {
            if (target.Keys[i] is { IsClosed: true } own)
            {
                own.Canary.Hold(_options, now, probe.Latency.TotalSeconds);
                isClosed |= i == (int)probe.Operation;
            }
            if (isAll && site.Keys[i] is { IsClosed: true } sites)
                sites.Canary.Hold(_options, now, probe.Latency.TotalSeconds);
        }
        var siteKey = KeyOf(site, probe.Operation, now);
        if (isClosed || siteKey.IsClosed || !target.Probes.MayCountFailure(now))
            return;
        target.Probes.Count(now);
        Fail(site, siteKey, target, KeyOf(target, probe.Operation, now), probe, wasOverdue: false, now);
    }

    private void Pass(SiteState site, TargetState target, OperationClass operation, double now)
    {
        target.Probes.IsFailing = false;
        var isFree = !site.IsFrozen && !site.IsDrained && !target.IsFrozen && !target.IsDrained;
        for (var i = 0; i < OperationsMax && isFree; i++)
        {
            if (site.Keys[i] is not { } siteKey)
                continue;
            var key = target.Keys[i];
            if (siteKey.IsClosed)
            {
                if (!(siteKey.NeedsCanaryPass && site.Canaries.IsInUse(now)) && IsNews(target, siteKey, now))
                    Reopen(site, siteKey, target, key, _options.RampShare, "a probe passed", now);
            }
            else if (key is { IsClosed: true } && IsNews(target, key, now))
            {
                Reopen(site, siteKey, target, key, true, _options.RampShare, "a probe passed", now);
            }
        }
        if (target.Probes.HasTraffic(now) || target.Keys[(int)operation] is not { } own
            || site.Keys[(int)operation] is not { } sites)
        {
            return;
        }
        target.Probes.Count(now);
        own.Test.Succeed(isSlow: false, now);
        sites.Test.Succeed(isSlow: false, now);
        Encourage(sites);
        Encourage(own);
        Price(sites, own, 0, now);
    }

    /// <summary>Whether a passing probe tells anything of what is closed.</summary>
    private static bool IsNews(TargetState target, HealthKey closed, double now) => closed.Canary.MayBeProbe(now)
        && (target.Probes.FailedAt > closed.ClosedAt - SameFaultSeconds
            || now - closed.Canary.FreeAt > UnclaimedSeconds);

    /// <summary>Whether every target of a site that is in use fails its probes.</summary>
    private bool IsFailingAll(SiteState site)
    {
        foreach (var id in site.Node.Targets)
        {
            if (_targets[id.Value] is { IsDrained: false, Probes.IsFailing: false })
                return false;
        }
        return true;
    }

    private static bool IsInDoubt(ReadOnlySpan<HealthKey?> keys)
    {
        foreach (var key in keys)
        {
            if (key is { State: VerdictState.Suspect or VerdictState.Closed or VerdictState.Recovering })
                return true;
        }
        return false;
    }
}
