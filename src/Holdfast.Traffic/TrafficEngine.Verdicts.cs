using System.Globalization;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Limits;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic;

/// <summary>Verdicts carried out: closing, canaries, coming back; and their evidence in words.</summary>
internal sealed partial class TrafficEngine
{
    /// <summary>Share of its capacity that gets what was closed by mistake: a pause, not a failure.</summary>
    private const double ShareAfterMistake = 0.5;
    /// <summary>Share that a site begins with when no other of its service is open: all that waits, waits for it.
    /// </summary>
    private const double ShareAlone = 0.05;

    /// <summary>Overload in this time explains three canaries.</summary>
    private const double CanaryOverloadSeconds = 20;
    private const double CrowdedSlowness = 2;

    private static bool IsCrowded(SiteState site, double now)
    {
        var isSlow = false;
        foreach (var key in site.Keys)
            isSlow |= key is { Latency.Slowness: > CrowdedSlowness };
        return isSlow || site.Capacity.IsOverloaded(now, CanaryOverloadSeconds);
    }

    public void ReportCanary(SiteId id, bool passed, TimeSpan latency, TimeSpan time)
    {
        if (id.Value < 0 || id.Value >= _sites.Length)
            return;
        var now = time.TotalSeconds;
        var site = _sites[id.Value];
        site.Canaries.Report(passed, latency.TotalSeconds, now);
        site.UsedAt = now;
        Activate(site);
        if (site.IsFrozen)
            return;
        // Where everything queues a canary is late too: that is for limits, not for a verdict.
        if (site.Canaries.MustClose && !IsCrowded(site, now) && !PassesElsewhere(site))
        {
            foreach (var key in site.Keys)
            {
                if (key is not { IsClosed: false })
                    continue;
                Close(site, key, site.Canaries.Describe(), now);
                key.NeedsCanaryPass = true;
            }
        }
        else if (site.Canaries.MayOpen)
        {
            foreach (var key in site.Keys)
            {
                if (key is not { IsClosed: true, NeedsCanaryPass: true })
                    continue;
                Reopen(site, key, null, null, _options.RampShare, "end-to-end canaries pass", now);
            }
        }
    }

    private void Close(SiteState site, HealthKey key, string evidence, double now)
    {
        Judge(site, key, VerdictState.Closed, evidence, now);
        key.ClosedAt = now;
        key.NeedsCanaryPass = false;
        key.Canary.Begin(_options, now, _random);
        key.Degraded.Reset();
        site.Backlog.Begin(_options, now);
        site.Capacity.Close();
        site.OverSince = double.NaN;
        key.Test.Reset();
        foreach (var id in site.Node.Targets)
        {
            var target = _targets[id.Value];
            if (target.Keys[(int)key.Operation] is not { } own)
                continue;
            own.Test.Reset();
            // What its own canary under way comes to will be taken for the site's.
            if (own.IsClosed && own.Canary.InFlight)
            {
                own.Canary.EndUndecided(now, _random);
                HastenScan(site, own);
            }
            if (own.State is VerdictState.Suspect or VerdictState.Recovering or VerdictState.Degraded)
                Judge(site, target, own, VerdictState.Healthy, "judged with its site", now);
        }
    }

    private void Close(SiteState site, HealthKey siteKey, TargetState target, HealthKey key, double now)
    {
        var evidence = Describe(site, target, key, now);
        Judge(site, target, key, VerdictState.Closed, evidence, now);
        key.ClosedAt = now;
        key.Canary.Begin(_options, now, _random);
        key.Degraded.Reset();
        key.Test.Reset();
        siteKey.ClosedTargets++;
        HastenScan(site, key);
        // Nothing is proven of its other classes of operation; for a while they prefer siblings all the same.
        foreach (var other in target.Keys)
        {
            if (other is { IsClosed: false })
                other.PenaltyUntil = Math.Max(other.PenaltyUntil, now + PenaltyMax);
        }
        var count = site.Node.Targets.Length;
        if (siteKey.ClosedTargets >= count)
            Close(site, siteKey, count == 1 ? evidence : $"all {count} targets closed; last: {evidence}", now);
    }

    private void EndCanary(SiteState site, HealthKey siteKey, TargetState target, HealthKey key, bool delivered,
        double now)
    {
        if (delivered)
        {
            if (siteKey.IsClosed)
                Reopen(site, siteKey, target, key, _options.RampShare, "a canary was delivered", now);
            else if (key.IsClosed)
                Reopen(site, siteKey, target, key, true, _options.RampShare, "a canary was delivered", now);
            return;
        }
        // Its recipient or message was at fault: that says nothing of the site. Try the next one.
        if (siteKey.IsClosed && siteKey.Canary.InFlight)
        {
            siteKey.Canary.EndUndecided(now, _random);
        }
        else if (!siteKey.IsClosed && key.IsClosed && key.Canary.InFlight)
        {
            key.Canary.EndUndecided(now, _random);
            HastenScan(site, key);
        }
    }

    private void Reopen(SiteState site, HealthKey siteKey, TargetState? target, HealthKey? key, double share,
        string evidence, double now)
    {
        siteKey.Canary.Succeed();
        siteKey.Test.Reset();
        siteKey.Latency.ForgetWindow();
        siteKey.ReopenedAt = now;
        siteKey.NeedsCanaryPass = false;
        siteKey.Overdue = siteKey.OverdueTakenBack = 0;
        if (IsServedElsewhere(site))
            share = Math.Max(share, ShareAfterMistake);
        var first = IsClosed(site.Node.Service) ? Math.Max(share, ShareAlone) : share;
        siteKey.Ramp.Begin(first, share, site.Full, now);
        siteKey.Ramp.Succeed();
        Judge(site, siteKey, VerdictState.Recovering, evidence, now);
        site.Pace = TokenBucket.Full(1, now);
        if (target is not null && key is { IsClosed: true })
            Reopen(site, siteKey, target, key, alone: false, share, evidence, now);
    }

    /// <param name="alone">False when the site's own ramp paces the return.</param>
    private void Reopen(SiteState site, HealthKey siteKey, TargetState target, HealthKey key, bool alone, double share,
        string evidence, double now)
    {
        key.Canary.Succeed();
        key.Test.Reset();
        key.Latency.ForgetWindow();
        key.ReopenedAt = now;
        key.Overdue = key.OverdueTakenBack = 0;
        siteKey.ClosedTargets = Math.Max(0, siteKey.ClosedTargets - 1);
        if (!alone)
        {
            key.Canary.Forget();
            Judge(site, target, key, VerdictState.Healthy, evidence, now);
            return;
        }
        key.Ramp.Begin(share, share, TargetCapacity(site), now);
        key.Ramp.Succeed();
        key.Pace = TokenBucket.Full(1, now);
        Judge(site, target, key, VerdictState.Recovering, evidence, now);
        SetPace(site, key, now);
    }

    private void HastenTarget(HealthKey siteKey, HealthKey key, double now)
    {
        key.Canary.Hasten(now);
        if (!key.Canary.InFlight)
            siteKey.TargetCanaryAt = Math.Min(siteKey.TargetCanaryAt, key.Canary.DueAt);
    }

    /// <summary>Sees to it that a closed target's canary is thought of when it is due.</summary>
    private static void HastenScan(SiteState site, HealthKey key)
    {
        if (site.Keys[(int)key.Operation] is { } siteKey)
            siteKey.TargetCanaryAt = Math.Min(siteKey.TargetCanaryAt, key.Canary.DueAt);
    }

    /// <summary>After a reload: targets came and went.</summary>
    private void CountClosedTargets(SiteState site)
    {
        foreach (var siteKey in site.Keys)
        {
            if (siteKey is null)
                continue;
            siteKey.ClosedTargets = 0;
            foreach (var id in site.Node.Targets)
            {
                if (_targets[id.Value].Keys[(int)siteKey.Operation] is not { IsClosed: true } key)
                    continue;
                siteKey.ClosedTargets++;
                HastenScan(site, key);
            }
        }
    }

    private string Describe(SiteState site, HealthKey key, double now)
    {
        double outcomes = 0, failures = 0;
        foreach (var id in Topology.Services[site.Node.Service.Value].SitesNearestFirst)
        {
            if (id != site.Node.Id && _sites[id.Value].Keys[(int)key.Operation] is { } peer)
                AddTo(peer.Test, now, ref outcomes, ref failures);
        }
        return key.Test.Describe(now, Peers(outcomes, failures));
    }

    private string Describe(SiteState site, TargetState target, HealthKey key, double now)
    {
        double outcomes = 0, failures = 0;
        var targets = site.Node.Targets;
        for (var i = 0; i < targets.Length && i < SiblingsMax; i++)
        {
            if (targets[i] != target.Id && _targets[targets[i].Value].Keys[(int)key.Operation] is { } peer)
                AddTo(peer.Test, now, ref outcomes, ref failures);
        }
        return key.Test.Describe(now, Peers(outcomes, failures));
    }

    private static void AddTo(in OutcomeTest test, double now, ref double outcomes, ref double failures)
    {
        outcomes += test.Outcomes(now);
        failures += test.Failures(now);
    }

    private static string Peers(double outcomes, double failures) => outcomes < 0.5 ? "" : string.Create(
        CultureInfo.InvariantCulture, $"; peers {Math.Round(failures):0} of {Math.Round(outcomes):0}");
}
