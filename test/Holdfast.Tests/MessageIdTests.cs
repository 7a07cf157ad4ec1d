using Holdfast.Mail;

namespace Holdfast.Tests;

public class MessageIdTests
{
    [Fact]
    public void Text_form_reads_back()
    {
        var id = MessageId.Create(new DateTimeOffset(2026, 1, 22, 17, 45, 0, TimeSpan.Zero), 7, 42);
        Assert.True(MessageId.TryParse(id.ToString().ToLowerInvariant(), out var back));
        Assert.Equal(id, back);
    }

    [Fact]
    public void Ids_sort_by_time_of_acceptance_as_text_too()
    {
        var early = MessageId.Create(DateTimeOffset.UnixEpoch.AddDays(1), 9, ulong.MaxValue);
        var late = MessageId.Create(DateTimeOffset.UnixEpoch.AddDays(2), 1, 0);
        Assert.True(early < late);
        Assert.True(string.CompareOrdinal(early.ToString(), late.ToString()) < 0);
    }
}
