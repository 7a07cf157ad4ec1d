using System.Buffers;
using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;
using Holdfast.Traffic.Health;
using Holdfast.Traffic.Targets;

namespace Holdfast.Mail.Deliver;

/// <param name="IsTaken">The target took the message, or may have.</param>
/// <param name="IsSitesFault">It didn't, and the target or site is to blame.</param>
/// <param name="Text">What was said last.</param>
internal readonly record struct DirectResult(bool IsTaken, bool IsSitesFault, string Text);

/// <summary>Sends a message of ours straight to one site: past the spool, the schedule and the board.</summary>
/// <remarks>
/// By the rule that mail to its recipient goes by, on a connection of its own, to the site's targets in turn; those
/// that are closed alone are passed over. Up to three are tried when one can't be reached. Nothing is kept, retried or
/// reported: the caller does with the answer what it wants.
/// </remarks>
internal sealed class DirectDispatch(DeliveryContext context)
{
    private const int TargetsMax = 3;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);
    private int _turn;

    public async Task<DirectResult> SendAsync(string siteName, Envelope envelope, ReadOnlyMemory<byte> content,
        CancellationToken abort)
    {
        var topology = context.Placements.Topology;
        var site = topology.Sites.FirstOrDefault(s => !s.IsRetired
            && string.Equals(s.Name, siteName, StringComparison.OrdinalIgnoreCase));
        if (site is null || site.Targets.Length == 0)
            return new DirectResult(false, false, $"there is no site {siteName} with targets");
        var snapshot = context.Snapshot;
        var service = topology.Services[site.Service.Value].Name;
        var rule = DeliveryPlanner.Decide(snapshot.Rules, envelope.Recipients[0]).Route is { } route
            && string.Equals(route.Service, service, StringComparison.OrdinalIgnoreCase) ? route
            : new MailRoute { Name = "direct/" + siteName, Rule = "direct", Service = service };
        StepResult? failed = null;
        foreach (var target in InTurn(topology, site))
        {
            if (abort.IsCancellationRequested)
                return new DirectResult(false, false, "broken off by us");
            var opener = new TargetOpener(context, [], null);
            var (connection, fault) = await opener.OpenTargetAsync(target, rule, snapshot, s_patience, abort)
                .ConfigureAwait(false);
            failed = fault;
            if (connection is null)
                continue;
            return await SendAsync(connection, envelope, content, abort).ConfigureAwait(false);
        }
        var found = failed?.Classify() ?? default;
        return new DirectResult(false, IsWide(found.Scope), failed?.Text ?? "no target");
    }

    private async Task<DirectResult> SendAsync(TargetConnection connection, Envelope envelope,
        ReadOnlyMemory<byte> content, CancellationToken abort)
    {
        var tx = new Transaction();
        tx.Begin(new SpooledMessage(new SpoolHandle(-1, 0), envelope, MessageProgress.ForNew(1)));
        tx.Recipients.Add(0);
        var bytes = new BytesContent(content);
        await using (bytes.ConfigureAwait(false))
        {
            tx.Content = bytes;
            await connection.SendAsync(tx, abort).ConfigureAwait(false);
        }
        await context.CloseAsync(connection).ConfigureAwait(false);
        var result = new AttemptResult();
        result.Take(tx);
        var one = result.Recipients[0];
        return new DirectResult(one.Fate is RecipientFate.Delivered or RecipientFate.Unknown, IsWide(one.Class.Scope),
            one.Text ?? one.Fate.ToString());
    }

    private static bool IsWide(FailureScope scope) => scope is FailureScope.Target or FailureScope.Site;

    private IEnumerable<TargetNode> InTurn(Topology topology, SiteNode site)
    {
        var targets = site.Targets;
        var start = (Interlocked.Increment(ref _turn) & int.MaxValue) % targets.Length;
        var turn = Enumerable.Range(0, targets.Length)
            .Select(i => topology.Targets[targets[(start + i) % targets.Length].Value]).ToList();
        var open = turn.Where(t => !context.Placements.IsClosed(t.Id)).ToList();
        return (open.Count > 0 ? open : turn).Take(TargetsMax);
    }

    private sealed class BytesContent(ReadOnlyMemory<byte> bytes) : MessageContent
    {
        private int _read;

        public override long Length => bytes.Length;

        public override bool TryGetAll(out ReadOnlySequence<byte> content)
        {
            content = new ReadOnlySequence<byte>(bytes);
            return true;
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken abort)
        {
            var count = Math.Min(buffer.Length, bytes.Length - _read);
            bytes.Slice(_read, count).CopyTo(buffer);
            _read += count;
            return ValueTask.FromResult(count);
        }

        public override ValueTask DisposeAsync() => default;
    }
}
