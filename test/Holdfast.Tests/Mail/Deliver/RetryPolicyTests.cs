using CsCheck;
using Holdfast.Mail.Deliver;
using Holdfast.Traffic.Health;

namespace Holdfast.Tests.Mail.Deliver;

public class RetryPolicyTests
{
    private static ReplyClassification Failure(FailureScope scope, RetryAdvice advice = RetryAdvice.Usual,
        bool unknown = false) => new(scope, false, "", advice, 0, unknown);

    [Fact]
    public void Waits_of_a_recipient_start_short_then_double_to_the_longest()
    {
        var policy = new RetryPolicy(new RetryOptions { RetryJitter = 0 });
        var waits = Enumerable.Range(1, 8)
            .Select(n => policy.NextDelay(Failure(FailureScope.Recipient), n, new Random(1)).TotalMinutes);
        Assert.Equal([1, 5, 10, 20, 40, 60, 60, 60], waits);
    }

    [Fact]
    public void A_refused_source_address_waits_longer_than_a_recipient()
    {
        var policy = new RetryPolicy(new RetryOptions { RetryJitter = 0 });
        Assert.Equal(TimeSpan.FromMinutes(15), policy.NextDelay(Failure(FailureScope.SourceAddress), 1, new Random(1)));
    }

    [Fact]
    public void A_transaction_that_was_too_large_goes_on_at_once()
    {
        var policy = new RetryPolicy(new RetryOptions());
        Assert.Equal(TimeSpan.Zero, policy.NextDelay(
            Failure(FailureScope.Recipient, RetryAdvice.AnotherTransaction), 1, new Random(1)));
    }

    [Fact]
    public void An_unknown_outcome_waits_out_the_remote_final_reply()
    {
        var policy = new RetryPolicy(new RetryOptions { RetryJitter = 0 });
        Assert.Equal(TimeSpan.FromMinutes(10),
            policy.NextDelay(Failure(FailureScope.Target, unknown: true), 1, new Random(1)));
    }

    [Fact]
    public void A_rate_limited_mailbox_is_left_alone_for_an_hour_at_least()
    {
        var policy = new RetryPolicy(new RetryOptions());
        Gen.Int.Sample(seed => Assert.True(TimeSpan.FromHours(1) <= policy.NextDelay(
            Failure(FailureScope.Recipient, RetryAdvice.Later), 1, new Random(seed))));
    }

    [Fact]
    public void Jitter_stays_within_its_share_and_no_wait_overflows()
    {
        var options = new RetryOptions();
        var policy = new RetryPolicy(options);
        Gen.Select(Gen.Enum<FailureScope>(), Gen.Int[0, int.MaxValue], Gen.Int).Sample((scope, attempts, seed) =>
        {
            var wait = policy.NextDelay(Failure(scope), attempts, new Random(seed));
            Assert.InRange(wait, options.PlacementDelay * 0.8, options.RetryDelayMax * 1.2);
        });
    }

    [Fact]
    public void Trouble_of_our_own_is_over_in_seconds_or_else_waits_longer_each_time()
    {
        var options = new RetryOptions();
        var policy = new RetryPolicy(options);
        var ours = ReplyClassifier.ForFault(Holdfast.Traffic.Health.AttemptPhase.Data, ConnectionFault.OurTrouble);
        Assert.InRange(policy.NextDelay(ours, 1, new Random(1)), options.PlacementDelay * 0.8,
            options.PlacementDelay * 1.2);
        Assert.InRange(policy.NextDelay(ours, 30, new Random(1)), options.RetryDelayMin * 0.8,
            options.RetryDelayMin * 1.2);
    }

    [Fact]
    public void The_same_draws_give_the_same_wait()
    {
        var policy = new RetryPolicy(new RetryOptions());
        Assert.Equal(policy.NextDelay(Failure(FailureScope.Message), 3, new Random(7)),
            policy.NextDelay(Failure(FailureScope.Message), 3, new Random(7)));
    }
}
