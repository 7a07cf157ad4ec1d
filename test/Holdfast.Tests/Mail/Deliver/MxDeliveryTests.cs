using System.Collections.Immutable;
using System.Net;
using Holdfast.Mail.Deliver;
using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;

namespace Holdfast.Tests.Mail.Deliver;

/// <summary>Direct delivery to the exchangers of a domain (RFC 5321 §5.1).</summary>
public class MxDeliveryTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    private sealed class Answers : IMxResolver
    {
        public MxAnswer Answer { get; set; } = new(MxAnswerKind.Hosts, [Host(1), Host(2)], "");

        public static MxHost Host(int number, int addresses = 1) => new($"mx{number}.example.com", number * 10,
            [.. Enumerable.Range(0, addresses).Select(i => new IPAddress([10, 0, (byte)number, (byte)(i + 1)]))]);

        public ValueTask<MxAnswer> ResolveAsync(string domain, CancellationToken abort) => ValueTask.FromResult(Answer);
    }

    private readonly Answers _mx = new();

    private DeliveryWorld World(Action<DeliverOptions>? options = null) => new(options, new RouteOptions
    {
        Rules = [new RouteRuleOptions { Name = "mx", Domain = "*", Mx = true }],
    }, mx: _mx);

    private static ScriptedTarget Exchanger(DeliveryWorld world, int number, int address = 1) =>
        world.Targets.AddHost(new IPAddress([10, 0, (byte)number, (byte)address]));

    private static SpooledMessage Send(DeliveryWorld world, string to = "b@example.com") =>
        world.Spool.Add("a@example.org", [to]);

    [Fact]
    public async Task Mail_goes_to_the_most_preferred_exchanger()
    {
        await using var world = World();
        var (first, second) = (Exchanger(world, 1), Exchanger(world, 2));
        await world.EndAsync(Send(world), Soon);
        Assert.Single(first.Mail);
        Assert.Equal(0, second.Connections);
    }

    [Theory]
    [InlineData("refuse")]
    [InlineData("greeting")]
    [InlineData("mail")]
    [InlineData("data")]
    public async Task When_an_exchanger_fails_the_next_one_gets_the_mail_at_once(string how)
    {
        await using var world = World();
        var (first, second) = (Exchanger(world, 1), Exchanger(world, 2));
        first.Refuses = how == "refuse";
        if (how == "greeting")
            first.Greeting = "421 4.3.2 closing";
        first.Script = l => (how == "mail" && l.StartsWith("MAIL", StringComparison.Ordinal)) || (how == "data"
            && l == "DATA") ? "451 4.3.2 Temporary server error" : null;
        var message = Send(world);
        await world.EndAsync(message, Soon);
        Assert.Single(second.Mail);
        Assert.Empty(first.Mail);
        Assert.Equal(1, message.Progress.Recipients[0].Attempts);
    }

    [Fact]
    public async Task A_recipient_that_an_exchanger_refuses_is_not_offered_to_the_next()
    {
        await using var world = World();
        var (first, second) = (Exchanger(world, 1), Exchanger(world, 2));
        first.Script = l => l.StartsWith("RCPT", StringComparison.Ordinal) ? "550 5.1.1 no such user" : null;
        var message = Send(world);
        await world.EndAsync(message, Soon);
        Assert.Equal(RecipientState.Failed, message.Progress.Recipients[0].State);
        Assert.Equal(0, second.Connections);
    }

    [Fact]
    public async Task After_the_dot_no_other_exchanger_is_tried()
    {
        await using var world = World();
        var (first, second) = (Exchanger(world, 1), Exchanger(world, 2));
        first.Script = l => l == "." ? ScriptedTarget.Reset : null;
        var message = Send(world);
        await world.UntilAsync(() => message.Progress.Recipients[0].State == RecipientState.OutcomeUnknown, Soon);
        await world.PassAsync(TimeSpan.FromSeconds(5));
        Assert.Equal(0, second.Connections);
    }

    [Theory]
    [InlineData(8, true)]
    [InlineData(9, false)]
    public async Task At_most_eight_addresses_are_tried(int good, bool isReached)
    {
        await using var world = World();
        _mx.Answer = new MxAnswer(MxAnswerKind.Hosts, [Answers.Host(1, 10)], "");
        var target = Exchanger(world, 1, good);
        var message = Send(world);
        await world.UntilAsync(() => message.Progress.Recipients[0].LastReply is not null
            || message.Progress.IsFinal, Soon);
        Assert.Equal(isReached ? 1 : 0, target.Connections);
    }

    [Theory]
    [InlineData(MxAnswerKind.NullMx, "5.1.10")]
    [InlineData(MxAnswerKind.NoSuchDomain, "5.1.2")]
    [InlineData(MxAnswerKind.LoopsToUs, "5.4.6")]
    public async Task A_domain_that_takes_no_mail_bounces_it(object kind, string status)
    {
        await using var world = World();
        _mx.Answer = new MxAnswer((MxAnswerKind)kind, [], "so says DNS");
        var message = Send(world);
        await world.EndAsync(message, Soon);
        Assert.Contains(status, Assert.Single(world.Spool.Notices).Content, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Mail_waits_while_DNS_gives_no_answer_and_pauses_nothing()
    {
        await using var world = World();
        _mx.Answer = new MxAnswer(MxAnswerKind.Unavailable, [], "no answer");
        var message = Send(world);
        await world.UntilAsync(() => world.Flow.Counts.Scheduled == 1, Soon);
        Assert.Contains("4.4.3", message.Progress.Recipients[0].LastReply, StringComparison.Ordinal);
        _mx.Answer = new MxAnswer(MxAnswerKind.Hosts, [Answers.Host(1)], "");
        Exchanger(world, 1);
        await world.EndAsync(message, TimeSpan.FromMinutes(3));
    }

    [Fact]
    public async Task A_domain_whose_exchangers_all_fail_pauses_and_one_message_tries_it()
    {
        await using var world = World();
        var (first, second) = (Exchanger(world, 1), Exchanger(world, 2));
        first.Greeting = second.Greeting = "421 4.3.2 closing";
        var failed = Send(world);
        await world.UntilAsync(() => world.Flow.Counts.Scheduled == 1, Soon);
        Assert.Equal(1, first.Connections);
        var others = Enumerable.Range(0, 20).Select(i => Send(world, $"r{i}@example.com")).ToList();
        await world.PassAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(1, first.Connections);
        var view = Assert.Single(world.Flow.Desk.Find(others[0].Handle));
        Assert.Contains("one message tries it", world.Flow.Desk.Why(view), StringComparison.Ordinal);
        // The pause is 30 s, give or take a quarter.
        await world.PassAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(2, first.Connections);
        first.Greeting = "220 mx1.example.com";
        await world.UntilAsync(() => others.TrueForAll(m => m.Progress.IsFinal) && failed.Progress.IsFinal,
            TimeSpan.FromMinutes(5));
        Assert.Equal(21, first.Mail.Count);
    }

    [Fact]
    public async Task One_domains_pause_holds_no_other_up()
    {
        await using var world = World();
        var first = Exchanger(world, 1);
        first.Script = l => l.StartsWith("RCPT TO:<b@dark.example>", StringComparison.Ordinal)
            ? "451 4.3.2 Temporary server error" : null;
        Exchanger(world, 2).Refuses = true;
        var dark = Send(world, "b@dark.example");
        await world.UntilAsync(() => dark.Progress.Recipients[0].LastReply is not null, Soon);
        await world.EndAsync(Send(world, "b@light.example"), Soon);
        Assert.False(dark.Progress.IsFinal);
    }
}

/// <summary>Slots and pauses of one domain.</summary>
public class MxDestinationTests
{
    private readonly MxDestination _mx = new(2);
    private TimeSpan _now = TimeSpan.FromHours(1);

    private bool Take(out bool canary) => _mx.TryTake(_now, out canary, out _);

    [Fact]
    public void No_more_slots_are_taken_than_there_are()
    {
        Assert.True(Take(out _));
        Assert.True(Take(out _));
        Assert.False(Take(out _));
        _mx.Release(false);
        Assert.True(Take(out var canary));
        Assert.False(canary);
    }

    [Fact]
    public void After_a_failure_nothing_goes_until_the_pause_ends_and_then_one()
    {
        _mx.Failed(_now, "no answer", 0.5);
        Assert.Equal(_now + TimeSpan.FromSeconds(30), _mx.PausedUntil);
        _now = _mx.PausedUntil - TimeSpan.FromTicks(1);
        Assert.False(_mx.TryTake(_now, out _, out var wait));
        Assert.Equal(TimeSpan.FromTicks(1), wait);
        _now = _mx.PausedUntil;
        Assert.True(Take(out var canary));
        Assert.True(canary);
        Assert.False(Take(out _));
        _mx.Succeeded();
        _mx.Release(true);
        Assert.False(_mx.IsPaused);
        Assert.True(Take(out canary));
        Assert.False(canary);
    }

    [Theory]
    [InlineData(0.0, 0.75)]
    [InlineData(1.0, 1.25)]
    public void A_pause_is_up_to_a_quarter_shorter_or_longer(double draw, double factor)
    {
        _mx.Failed(_now, "no answer", draw);
        Assert.Equal(TimeSpan.FromSeconds(30) * factor, _mx.PausedUntil - _now);
    }

    [Fact]
    public void Pauses_double_up_to_half_an_hour()
    {
        var pauses = new List<double>();
        for (var i = 0; i < 9; i++)
        {
            _mx.Failed(_now, "no answer", 0.5);
            pauses.Add((_mx.PausedUntil - _now).TotalSeconds);
            _now = _mx.PausedUntil;
        }
        Assert.Equal([30, 60, 120, 240, 480, 960, 1800, 1800, 1800], pauses);
    }

    [Fact]
    public void Attempts_that_were_under_way_when_the_pause_began_do_not_lengthen_it()
    {
        _mx.Failed(_now, "no answer", 0.5);
        var until = _mx.PausedUntil;
        _mx.Failed(until - TimeSpan.FromTicks(1), "no answer", 0.5);
        Assert.Equal(until, _mx.PausedUntil);
    }

    [Fact]
    public void A_canary_without_a_slot_waits_without_being_the_canary()
    {
        Assert.True(Take(out _));
        Assert.True(Take(out _));
        _mx.Failed(_now, "no answer", 0.5);
        _now = _mx.PausedUntil;
        Assert.False(Take(out _));
        _mx.Release(false);
        Assert.True(Take(out var canary));
        Assert.True(canary);
    }
}
