using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;

namespace Holdfast.Traffic;

/// <summary>Judging: what outcomes do to verdicts.</summary>
internal sealed partial class TrafficEngine
{
    public void Report(in TrafficOutcome outcome, TimeSpan time)
    {
        if (outcome.Target.IsNone || outcome.Target.Value >= _targets.Length)
            return;
        var now = time.TotalSeconds;
        var target = _targets[outcome.Target.Value];
        var site = _sites[target.Node.Site.Value];
        switch (outcome.Scope)
        {
            case FailureScope.None:
                if (outcome.Phase is AttemptPhase.FinalDot or AttemptPhase.Answer)
                    Succeed(site, target, outcome.Latency.TotalSeconds, now);
                break;
            case FailureScope.Target or FailureScope.Site or FailureScope.Unclassified:
                if (outcome.Phase != AttemptPhase.Quit)
                    Fail(site, target, outcome, now);
                break;
            default:
                // Recipient, message, source address, route: nothing about the target or site.
                break;
        }
    }

    private void Succeed(SiteState site, TargetState target, double latency, double now)
    {
        target.Latency.Add(latency, now);
        target.Limit.Complete();
        target.Test.Succeed(now);
        site.Test.Succeed(now);
        if (site.State == VerdictState.Recovering)
            site.Ramp.Succeed();
        if (target.State == VerdictState.Recovering)
            target.Ramp.Succeed();
    }

    private void Fail(SiteState site, TargetState target, in TrafficOutcome outcome, double now)
    {
        site.Failed.Count(now);
        var startedAt = now - outcome.Latency.TotalSeconds;
        // 1. A canary's failure.
        if (site.IsClosed)
        {
            if (site.Canary.Covers(startedAt))
                site.Canary.Fail(_options, now, _random);
            return;
        }
        if (target.State == VerdictState.Closed)
        {
            if (target.Canary.Covers(startedAt))
                target.Canary.Fail(_options, now, _random);
            return;
        }
        // 2. Old news: the attempt began before the target came back, or our own pause is to blame.
        if (startedAt < Math.Max(site.ReopenedAt, target.ReopenedAt) - 1e-6)
            return;
        var isStall = outcome.Detail is { } detail && detail.StartsWith(TrafficDetail.Stall, StringComparison.Ordinal);
        if (isStall && now - _tickAt > TickSeconds + LateTickSeconds)
            return;
        // 3. Push-back slows down in any case.
        target.Limit.PushBack();
        site.Capacity.PushBack(now);
        site.Backlog.Fail(_options);
        // 4. One at its return closes again, or halves what it gets.
        target.Test.Fail(outcome, isStall, now);
        if (outcome.Scope == FailureScope.Site)
        {
            site.Test.Fail(outcome, isStall, now);
            if (site.State == VerdictState.Recovering && site.Ramp.Fail(_options, now))
            {
                Close(site, site.Test.Describe(now), now);
                return;
            }
            if (IsSiteAlarm(site, now))
            {
                Close(site, site.Test.Describe(now), now);
                return;
            }
        }
        else if (outcome.Scope == FailureScope.Target && site.State == VerdictState.Recovering
            && site.Node.Targets.Length == 1 && site.Ramp.Fail(_options, now))
        {
            Close(site, target.Test.Describe(now), now);
            return;
        }
        // 5. The target by itself.
        var closes = target.State == VerdictState.Recovering && outcome.Scope == FailureScope.Target
            && target.Ramp.Fail(_options, now);
        if (closes || target.Test.IsAlarm(_options, Topology.Targets.Length, now))
            Close(site, target, now);
        else
            Suspect(site, target, now);
    }

    /// <summary>The site's own alarm, unless a sibling has delivered since: then the fault is the target's.</summary>
    private bool IsSiteAlarm(SiteState site, double now)
    {
        if (!site.Test.IsAlarm(_options, Topology.Sites.Length, now))
            return false;
        foreach (var id in site.Node.Targets)
        {
            var sibling = _targets[id.Value];
            if (sibling.IsOpen && sibling.Test.LastSuccessAt >= site.Test.RunStartedAt
                && sibling.Test.LastSuccessAt > sibling.Test.LastFailureAt)
            {
                return false;
            }
        }
        return true;
    }

    private void Suspect(SiteState site, TargetState target, double now)
    {
        if (target.State == VerdictState.Healthy && target.Test.IsSuspect(_options, now))
            Judge(site, target, VerdictState.Suspect, target.Test.Describe(now), now);
        if (site.State == VerdictState.Healthy && site.Test.IsSuspect(_options, now))
            Judge(site, VerdictState.Suspect, site.Test.Describe(now), now);
    }

    private void Close(SiteState site, string evidence, double now)
    {
        Judge(site, VerdictState.Closed, evidence, now);
        site.Canary.Begin(_options, now, _random);
        site.Backlog.Begin(_options, now);
        site.OverSince = double.NaN;
        site.Test.Reset();
        foreach (var id in site.Node.Targets)
        {
            var target = _targets[id.Value];
            target.Test.Reset();
            if (target.State is VerdictState.Suspect or VerdictState.Recovering)
                Judge(site, target, VerdictState.Healthy, "judged with its site", now);
        }
    }

    private void Close(SiteState site, TargetState target, double now)
    {
        var evidence = target.Test.Describe(now);
        Judge(site, target, VerdictState.Closed, evidence, now);
        target.Canary.Begin(_options, now, _random);
        target.Test.Reset();
        foreach (var id in site.Node.Targets)
        {
            if (_targets[id.Value].IsOpen)
                return;
        }
        var count = site.Node.Targets.Length;
        Close(site, count == 1 ? evidence : $"all {count} targets closed; last: {evidence}", now);
    }

    private void EndCanary(SiteState site, TargetState target, bool delivered, double now)
    {
        if (delivered)
        {
            if (site.IsClosed)
                Reopen(site, target, now);
            else if (target.State == VerdictState.Closed)
                Reopen(site, target, alone: true, now);
            return;
        }
        // Its recipient or message was at fault: that says nothing of the site. Try the next one.
        if (site.IsClosed && site.Canary.InFlight)
            site.Canary.EndUndecided(now, _random);
        else if (!site.IsClosed && target.State == VerdictState.Closed && target.Canary.InFlight)
            target.Canary.EndUndecided(now, _random);
    }

    private void Reopen(SiteState site, TargetState target, double now)
    {
        site.Canary.Succeed();
        site.Test.Reset();
        site.ReopenedAt = now;
        site.Ramp.Begin(_options, site.Capacity.PerSecond, now);
        site.Ramp.Succeed();
        Judge(site, VerdictState.Recovering, "a canary was delivered", now);
        site.Pace = Limits.TokenBucket.Full(1, now);
        if (target.State == VerdictState.Closed)
            Reopen(site, target, alone: false, now);
    }

    /// <param name="alone">False when the site's own ramp paces the return.</param>
    private void Reopen(SiteState site, TargetState target, bool alone, double now)
    {
        target.Canary.Succeed();
        target.Test.Reset();
        target.ReopenedAt = now;
        if (!alone)
        {
            target.Canary.Forget();
            Judge(site, target, VerdictState.Healthy, "a canary was delivered", now);
            return;
        }
        target.Ramp.Begin(_options, TargetCapacity(site), now);
        target.Ramp.Succeed();
        target.Pace = Limits.TokenBucket.Full(1, now);
        Judge(site, target, VerdictState.Recovering, "a canary was delivered", now);
    }
}
