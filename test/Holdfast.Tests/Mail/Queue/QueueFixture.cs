using System.Diagnostics.Metrics;
using Holdfast.Mail;
using Holdfast.Mail.Deliver;
using Holdfast.Mail.Queue;
using Holdfast.Mail.Route;
using Holdfast.Mail.Spool;
using Holdfast.Tests.Mail.Deliver;
using Holdfast.Traffic;
using Holdfast.Traffic.Targets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Mail.Queue;

/// <summary>A queue's desk over a spool in memory and a schedule that the test paints.</summary>
internal sealed class QueueFixture : IWaitingMail, IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly RouteTableSource _routes;

    public QueueFixture()
    {
        Time.SetUtcNow(new DateTimeOffset(2026, 1, 22, 17, 45, 0, TimeSpan.Zero));
        Spool = new MemorySpool(Time);
        Board = new TrafficBoard(Topology.FromOptions(new TopologyOptions
        {
            Regions = [new() { Name = "na" }],
            Sites = [new() { Name = "mail-na", Service = "mail", Region = "na", Targets = [new() { Address = "h:25" }] }],
        }), new TrafficOptions(), new Random(1));
        _routes = new RouteTableSource(new SettableOptions<RouteOptions>(new RouteOptions
        {
            Rules = [new() { Domain = "mx.example", Mx = true }, new() { Domain = "*", Service = "mail" }],
        }));
        Status = new QueueStatus(Spool, this, Board, new QueueStatusSources { AcceptedTotal = () => Accepted }, Time);
        Transfer = new MessageTransfer(Spool, Journal, Time);
        Desk = new MailQueueDesk(Spool, this, Board, Journal,
            new QueueDescriptions(this, _routes, new SettableOptions<DeliverOptions>(new DeliverOptions()), Time),
            Transfer, Status, new QueueMetrics(_services.GetRequiredService<IMeterFactory>()), _routes, Time);
    }

    public FakeTimeProvider Time { get; } = new();
    public MemorySpool Spool { get; }
    public MemoryJournal Journal { get; } = new();
    public TrafficBoard Board { get; }
    public MailQueueDesk Desk { get; }
    public QueueStatus Status { get; }
    public MessageTransfer Transfer { get; }
    public long Accepted { get; set; }
    public Dictionary<SpoolHandle, EntryView[]> Views { get; } = [];
    public Dictionary<SpoolHandle, DeliveryActOutcome> Outcomes { get; } = [];
    public List<(DeliveryAct Act, SpoolHandle Handle)> Acts { get; } = [];

    public static CancellationToken Abort => TestContext.Current.CancellationToken;

    /// <summary>A message that waits on the route to the service, deferred.</summary>
    public SpooledMessage Add(string sender, string[] recipients, Action<MessageProgress>? progress = null,
        string content = "Subject: x\r\n\r\nhello\r\n")
    {
        var message = Spool.Add(sender, recipients, content, null, progress);
        Views[message.Handle] = [View(message.Handle, EntryState.Scheduled)];
        Time.Advance(TimeSpan.FromMinutes(1));
        return message;
    }

    public static EntryView View(SpoolHandle handle, EntryState state, string destination = "mail",
        bool isClosed = false, bool unknown = false) => new(handle, state, destination,
            destination == "mail" ? "mail" : "mx/" + destination, isClosed, 2, 3, TimeSpan.FromMinutes(7),
            TimeSpan.FromMinutes(5), unknown);

    public async Task<List<QueueItem>> ListAsync(QueueSelector selector, int limit = 1_000)
    {
        var items = new List<QueueItem>();
        await foreach (var item in Desk.ListAsync(selector, limit, Abort))
            items.Add(item);
        return items;
    }

    ScheduleCounts IWaitingMail.Counts => new(0, 0, 0, 0, 3, 2, 5);
    int IWaitingMail.Connections => 0;
    IReadOnlyList<EntryView> IWaitingMail.Find(SpoolHandle handle) => Views.GetValueOrDefault(handle, []);
    IReadOnlyList<ShapeRow> IWaitingMail.Shape(IReadOnlyList<int> bounds) =>
        [new ShapeRow("mail", 3, new long[bounds.Count + 1], "ready")];
    string IWaitingMail.Why(in EntryView view) => view.IsDestinationClosed ? "mail-na closed" : "next in 5 min";

    ValueTask<DeliveryActOutcome> IWaitingMail.ActAsync(DeliveryAct act, SpoolHandle handle, string? reason,
        string actor)
    {
        var outcome = Outcomes.GetValueOrDefault(handle, DeliveryActOutcome.Done);
        if (outcome == DeliveryActOutcome.Done)
            Acts.Add((act, handle));
        return ValueTask.FromResult(outcome);
    }

    public void Dispose()
    {
        _routes.Dispose();
        _services.Dispose();
    }
}
