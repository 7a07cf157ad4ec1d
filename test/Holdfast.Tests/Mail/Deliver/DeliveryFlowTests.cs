using Holdfast.Mail.Deliver;
using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;

namespace Holdfast.Tests.Mail.Deliver;

public class DeliveryFlowTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task A_message_goes_to_the_home_site_and_ends_as_delivered()
    {
        await using var world = new DeliveryWorld();
        var message = world.Spool.Add("a@example.org", ["b@example.com"], "Subject: x\r\n\r\n.dot\r\nend\r\n");
        await world.EndAsync(message, Soon);

        Assert.Equal(RecipientState.Delivered, message.Progress.Recipients[0].State);
        var mail = Assert.Single(world.NaTarget.Mail);
        Assert.Equal("Subject: x\r\n\r\n.dot\r\nend\r\n", mail.Content);
        Assert.Empty(world.EuTarget.Mail);
        Assert.Equal("mail-na/127.0.0.1:2601 0", Assert.Single(world.Spool.Attempts));
        Assert.Equal(EvidenceKind.Delivered, Assert.Single(world.Journal.Records).Kind);
        await world.UntilAsync(() => world.Flow.Counts.Entries == 0, Soon);
    }

    [Fact]
    public async Task Several_messages_share_a_connection()
    {
        await using var world = new DeliveryWorld();
        for (var i = 0; i < 5; i++)
        {
            var message = world.Spool.Add("a@example.org", [$"b{i}@example.com"]);
            await world.EndAsync(message, Soon);
        }
        Assert.Equal(5, world.NaTarget.Mail.Count);
        Assert.Equal(1, world.NaTarget.Connections);
    }
}
