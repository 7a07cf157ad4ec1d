using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Traffic;

/// <summary>Judging: what outcomes do to tests, limits and ramps, and when that is enough for a verdict.</summary>
internal sealed partial class TrafficEngine
{
    /// <summary>Pseudo-outcomes by which a target's success is drawn towards its site's.</summary>
    private const double Pseudo = 10;
    private const double LatencyFloor = 0.001;
    private const double PenaltyStep = 1;
    private const double PenaltyMax = 5;
    private const double RetryAfterMax = 300;
    /// <summary>So many failures in a row close what is degraded.</summary>
    private const int DegradedRow = 16;
    /// <summary>So many siblings are asked whether they have the same trouble.</summary>
    private const int SiblingsMax = 48;
    /// <summary>Where something succeeded so lately, push-back is about load.</summary>
    private const double TooMuchSeconds = 2;

    public void Report(in TrafficOutcome outcome, TimeSpan time)
    {
        if (outcome.Target.IsNone || outcome.Target.Value >= _targets.Length)
            return;
        var now = time.TotalSeconds;
        var target = _targets[outcome.Target.Value];
        var site = _sites[target.Site.Value];
        var wasOverdue = _watch.IsHeld(outcome.Ticket) && _watch[outcome.Ticket].Target == outcome.Target.Value
            && _watch.Answer(outcome.Ticket);
        var siteKey = KeyOf(site, outcome.Operation, now);
        var key = KeyOf(target, outcome.Operation, now);
        switch (outcome.Scope)
        {
            case FailureScope.Target or FailureScope.Site or FailureScope.Unclassified:
                if (outcome.Phase != AttemptPhase.Quit)
                    Fail(site, siteKey, target, key, outcome, wasOverdue, now);
                break;
            default:
                // Recipient, message, source address, route: nothing about the target or site; but it answered.
                if (wasOverdue)
                    TakeBack(site, siteKey, target, key, now);
                if (outcome.IsSuccess && outcome.Phase is AttemptPhase.FinalDot or AttemptPhase.Answer)
                    Succeed(site, siteKey, target, key, outcome.Latency.TotalSeconds, now);
                break;
        }
    }

    private void Succeed(SiteState site, HealthKey siteKey, TargetState target, HealthKey key, double latency,
        double now)
    {
        // What spans our own pause says nothing of how long the answer took.
        var isTimed = !SpansPause(now - latency, now);
        var isSlow = isTimed && latency > key.Latency.SlowAt;
        if (isTimed)
        {
            key.Latency.Add(latency, now);
            siteKey.Latency.Add(latency, now);
        }
        target.Limit.Complete();
        key.Test.Succeed(isSlow, now);
        siteKey.Test.Succeed(isTimed && latency > siteKey.Latency.SlowAt, now);
        Encourage(siteKey);
        Encourage(key);
        Price(siteKey, key, latency, now);
        if (isSlow && (key.Test.IsSlowAlarm || siteKey.Test.IsSlowAlarm) && !site.IsFrozen && !target.IsFrozen)
            JudgeSlow(site, siteKey, target, key, now);
    }

    private bool SpansPause(double from, double now) =>
        from < _pausedUntil || now - _tickAt > TickSeconds + LateTickSeconds;

    private static void Encourage(HealthKey key)
    {
        if (key.State == VerdictState.Recovering)
            key.Ramp.Succeed();
        else if (key.State == VerdictState.Degraded)
            key.Degraded.Succeed();
    }

    private void Fail(SiteState site, HealthKey siteKey, TargetState target, HealthKey key, in TrafficOutcome outcome,
        bool wasOverdue, double now)
    {
        site.Failed.Count(now);
        var startedAt = now - outcome.Latency.TotalSeconds;
        // 1. A canary's failure.
        if (siteKey.IsClosed)
        {
            if (siteKey.Canary.Covers(startedAt))
                siteKey.Canary.Fail(_options, now, _random);
            return;
        }
        if (key.IsClosed)
        {
            if (key.Canary.Covers(startedAt))
            {
                key.Canary.Fail(_options, now, _random);
                HastenScan(site, key);
            }
            return;
        }
        // 2. Old news: the attempt began before the target came back, or our own pause is to blame.
        if (startedAt < Math.Max(siteKey.ReopenedAt, key.ReopenedAt) - 1e-6)
            return;
        var isStall = outcome.Detail is { } detail && detail.StartsWith(TrafficDetail.Stall, StringComparison.Ordinal);
        if (isStall && SpansPause(startedAt, now))
            return;
        // 3. Push-back slows down in any case; what merely breaks doesn't.
        if (outcome.IsPushBack || isStall
            || (outcome.Operation == OperationClass.MailDelivery && outcome.Scope != FailureScope.Unclassified))
        {
            target.Limit.PushBack();
            site.Capacity.PushBack();
            site.Backlog.Fail(_options);
            var until = outcome.RetryAfter > TimeSpan.Zero
                ? now + Math.Min(RetryAfterMax, outcome.RetryAfter.TotalSeconds)
                : Math.Min(now + PenaltyMax, Math.Max(now, key.PenaltyUntil) + PenaltyStep);
            key.PenaltyUntil = Math.Max(key.PenaltyUntil, until);
        }
        // 4. A full target says so at once and works on what it took before: nothing is wrong with it.
        if (IsTooMuch(target, key, outcome, now))
        {
            HoldBack(siteKey, key, now);
            return;
        }
        // 5. The tests, unless it was counted when it became overdue.
        if (!wasOverdue)
        {
            key.Test.Fail(outcome, isStall, now);
            siteKey.Test.Fail(outcome, isStall, now);
            if (isStall)
            {
                _stalled.Add(key);
                _stalled.Add(siteKey);
            }
        }
        Price(siteKey, key, 0, now);
        // A kind that waits for more evidence doesn't set a return back either.
        Weigh(site, siteKey, target, key, outcome.Scope == FailureScope.Unclassified, now);
    }

    /// <summary>Pushed back for its load: something taken earlier is still worked on, or was done just now. Only where
    /// push-back is about load (421 before a transaction, 429 and 503): "the system is not accepting" is an outage's
    /// word.</summary>
    private bool IsTooMuch(TargetState target, HealthKey key, in TrafficOutcome outcome, double now)
    {
        if (!outcome.IsPushBack || outcome.Scope != FailureScope.Target
            || (outcome.Operation == OperationClass.MailDelivery && outcome.Phase > AttemptPhase.Tls))
        {
            return false;
        }
        if (now - Math.Max(key.Test.LastSuccessAt, key.Since) < TooMuchSeconds)
            return true;
        if (!_watch.IsHeld(outcome.Ticket))
            return false;
        // Placed after this one: so many at most. Who else is inside was taken before it.
        var younger = target.Placed - _watch[outcome.Ticket].Number;
        return target.Limit.InFlight - 1 > younger;
    }

    /// <summary>What comes back and is told that it is too much gets half, and is not closed for it.</summary>
    private void HoldBack(HealthKey siteKey, HealthKey key, double now)
    {
        if (siteKey.State == VerdictState.Recovering)
            siteKey.Ramp.Fail(_options, now);
        if (key.State == VerdictState.Recovering)
            key.Ramp.Fail(_options, now);
    }

    /// <summary>A question stands unanswered too long.</summary>
    /// <returns>How many seconds more to wait before it counts; 0: it counts; negative: it never will.</returns>
    private double JudgeOverdue(int index, OperationClass operation, AttemptPhase phase, double askedAt, double now)
    {
        var target = _targets[index];
        var site = _sites[target.Site.Value];
        var siteKey = KeyOf(site, operation, now);
        var key = KeyOf(target, operation, now);
        if (siteKey.IsClosed || key.IsClosed || askedAt < Math.Max(siteKey.ReopenedAt, key.ReopenedAt) - 1e-6)
            return -1;
        // Until its usual time is known a target may always take so long over a message; a limit that fell for it would
        // keep so few under way that the usual is never learnt.
        if (phase != AttemptPhase.FinalDot || key.Latency.P995 > 0)
            target.Limit.PushBack();
        // Where answers still come it is full, not gone: its limit falls, and its verdict waits for the caller's own
        // time-out.
        if (key.Test.LastSuccessAt > askedAt)
            return -1;
        // What got slower step by step may do so again before it is called dead.
        var patience = Patience(key) - (now - askedAt);
        if (patience > 0)
            return patience;
        site.Failed.Count(now);
        key.Overdue++;
        siteKey.Overdue++;
        key.Test.FailOverdue(phase, now);
        siteKey.Test.FailOverdue(phase, now);
        Price(siteKey, key, now - askedAt, now);
        Weigh(site, siteKey, target, key, false, now);
        return 0;
    }

    /// <summary>What counted as unanswered was answered: what was concluded from it alone is undone.</summary>
    private void TakeBack(SiteState site, HealthKey siteKey, TargetState target, HealthKey key, double now)
    {
        key.OverdueTakenBack++;
        siteKey.OverdueTakenBack++;
        key.Test.TakeBack();
        siteKey.Test.TakeBack();
        if (siteKey.IsClosed && WasMistaken(siteKey) && !site.IsFrozen)
            Reopen(site, siteKey, target, key, ShareAfterMistake, "what stood unanswered was answered", now);
        if (key.IsClosed && WasMistaken(key) && !site.IsFrozen && !target.IsFrozen)
            Reopen(site, siteKey, target, key, true, ShareAfterMistake, "what stood unanswered was answered", now);
    }

    private static bool WasMistaken(HealthKey key) =>
        !key.NeedsCanaryPass && key.OverdueTakenBack >= 2 && key.OverdueTakenBack >= 0.8 * key.Overdue;

    /// <summary>After a failure was counted: ramps fall back, then the site as a whole, then the target by itself.
    /// </summary>
    private void Weigh(SiteState site, HealthKey siteKey, TargetState target, HealthKey key, bool isDoubtful,
        double now)
    {
        if (site.IsFrozen || target.IsFrozen)
            return;
        if (siteKey.State == VerdictState.Degraded)
            siteKey.Degraded.Fail();
        if (key.State == VerdictState.Degraded)
            key.Degraded.Fail();
        // 1. One at its return closes again, or halves what it gets.
        if (!isDoubtful && siteKey.State == VerdictState.Recovering && siteKey.Ramp.Fail(_options, now))
        {
            if (IsRefuted(site, siteKey))
            {
                Degrade(site, siteKey, now);
                return;
            }
            Close(site, siteKey, Describe(site, siteKey, now), now);
            return;
        }
        if (!isDoubtful && key.State == VerdictState.Recovering && key.Ramp.Fail(_options, now))
        {
            Close(site, siteKey, target, key, now);
            return;
        }
        // 2. An alarm common to siblings is their site's.
        if ((siteKey.Test.IsAlarm || key.Test.IsCertain || siteKey.State == VerdictState.Degraded)
            && IsCommon(site, siteKey, target, now))
        {
            if (siteKey.Test.IsCertain
                || (siteKey.State == VerdictState.Degraded && siteKey.Test.FailuresInRow >= DegradedRow))
            {
                ActOn(site, siteKey, now);
            }
            else if (siteKey.State == VerdictState.Healthy)
            {
                Judge(site, siteKey, VerdictState.Suspect, Describe(site, siteKey, now), now);
            }
            return;
        }
        // 3. The target by itself.
        if (key.Test.IsCertain || (key.State == VerdictState.Degraded && key.Test.FailuresInRow >= DegradedRow))
            ActOn(site, siteKey, target, key, now);
        else if (key.Test.IsAlarm && key.State == VerdictState.Healthy)
            Judge(site, target, key, VerdictState.Suspect, Describe(site, target, key, now), now);
    }

    /// <summary>Whether at least two thirds of the targets in use have the site's trouble: each at least half its share
    /// of failures. A lone target is its site.</summary>
    private bool IsCommon(SiteState site, HealthKey siteKey, TargetState target, double now)
    {
        var targets = site.Node.Targets;
        if (targets.Length <= 1)
            return true;
        var operation = (int)siteKey.Operation;
        var share = siteKey.Test.FailureShare(now, 0, 1e-9);
        int active = 0, failing = 0;
        var step = Math.Max(1, targets.Length / SiblingsMax);
        for (var i = target.Id.Value % step; i < targets.Length; i += step)
        {
            if (_targets[targets[i].Value].Keys[operation] is not { IsClosed: false } key
                || key.Test.Outcomes(now) < 0.5)
            {
                continue;
            }
            active++;
            // What works now isn't in the same trouble, whatever it did before.
            if (key.Test.FailureShare(now, 0, 1e-9) >= share / 2 && key.Test.LastFailureAt >= siteKey.Test.RunStartedAt
                && (key.Test.FailuresInRow > 0 || !siteKey.Test.IsTotal))
            {
                failing++;
            }
        }
        return active >= 2 && failing >= 2 && failing * 3 >= active * 2;
    }

    /// <summary>What is known to fail in part has bad luck more often.</summary>
    private static bool IsTotal(HealthKey key) => key.State == VerdictState.Degraded
        ? key.Test.FailuresInRow >= DegradedRow || key.Test.PureFailures >= DegradedRow / 2 : key.Test.IsTotal;

    private void ActOn(SiteState site, HealthKey key, double now)
    {
        if (IsTotal(key) && !IsRefuted(site, key))
        {
            Close(site, key, Describe(site, key, now), now);
            return;
        }
        if (key.State == VerdictState.Recovering || (key.Test.PureFailures > 0 && !IsTotal(key)))
            return;
        Degrade(site, key, now);
    }

    private void Degrade(SiteState site, HealthKey key, double now)
    {
        var share = key.Test.FailureShare(now, 0, 2);
        key.Degraded.Begin(share, now);
        Judge(site, key, VerdictState.Degraded, Describe(site, key, now), now);
        key.Test.ResetScores();
    }

    private void ActOn(SiteState site, HealthKey siteKey, TargetState target, HealthKey key, double now)
    {
        if (IsTotal(key))
        {
            Close(site, siteKey, target, key, now);
            return;
        }
        if (key.State == VerdictState.Recovering || key.Test.PureFailures > 0)
            return;
        key.Degraded.Begin(key.Test.FailureShare(now, 0, 2), now);
        key.Pace = Limits.TokenBucket.Full(1, now);
        Judge(site, target, key, VerdictState.Degraded, Describe(site, target, key, now), now);
        SetPace(site, key, now);
        key.Test.ResetScores();
    }

    /// <summary>Slower than twice its baseline's p95, again and again: the site when it is common, else the target.
    /// </summary>
    private void JudgeSlow(SiteState site, HealthKey siteKey, TargetState target, HealthKey key, double now)
    {
        var isSites = siteKey.Test.IsSlowAlarm && site.Node.Targets.Length > 1;
        var judged = isSites || site.Node.Targets.Length == 1 ? siteKey : key;
        if (judged.State is not (VerdictState.Healthy or VerdictState.Suspect) || !judged.Test.IsSlowAlarm)
            return;
        var evidence = string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $"answers slower than twice the usual p95 of {judged.Latency.P95 * 1000:0} ms");
        if (judged == siteKey)
        {
            if (judged.State == VerdictState.Healthy)
                Judge(site, siteKey, VerdictState.Suspect, evidence, now);
        }
        else if (judged.State == VerdictState.Healthy)
        {
            Judge(site, target, key, VerdictState.Suspect, evidence, now);
        }
    }

    /// <summary>What choosing it costs, after an outcome.</summary>
    private static void Price(HealthKey siteKey, HealthKey key, double seen, double now)
    {
        var prior = siteKey.Test.FailureShare(now, 0.01, Pseudo);
        var success = 1 - key.Test.FailureShare(now, prior, Pseudo);
        var latency = Math.Max(key.Latency.Peak, seen) + LatencyFloor;
        key.Cost = latency / Math.Max(1e-3, success * success * success);
    }

    private static void Price(SiteState site, HealthKey key, double now)
    {
        if (site.Keys[(int)key.Operation] is { } siteKey)
            Price(siteKey, key, 0, now);
    }
}
