using Holdfast.Storage.Segments;

namespace Holdfast.Tests.Storage.Segments;

public class AppendIntakeTests
{
    [Fact]
    public void As_many_as_there_is_room_for_enter_at_once()
    {
        var intake = new AppendIntake(2);
        Assert.True(intake.TryEnter());
        Assert.True(intake.TryEnter());
        Assert.False(intake.TryEnter());
        intake.Leave(1);
        Assert.True(intake.TryEnter());
        Assert.False(intake.TryEnter());
    }

    [Fact]
    public void Room_that_is_left_goes_to_those_who_wait_and_then_to_others()
    {
        var intake = new AppendIntake(3);
        for (var i = 0; i < 3; i++) Assert.True(intake.TryEnter());
        var waiting = new[] { intake.EnterAsync(), intake.EnterAsync() };
        Assert.Equal(0, waiting.Count(w => w.IsCompleted));

        intake.Leave(1);
        Assert.False(intake.TryEnter());
        SpinWait.SpinUntil(() => waiting.Any(w => w.IsCompleted), 5000);
        Assert.Equal(1, waiting.Count(w => w.IsCompleted));

        intake.Leave(2);
        SpinWait.SpinUntil(() => waiting.All(w => w.IsCompleted), 5000);
        Assert.All(waiting, w => Assert.True(w.IsCompletedSuccessfully));
        Assert.True(intake.TryEnter());
        Assert.False(intake.TryEnter());
        Assert.True(Entered(intake, 3));
    }

    [Fact]
    public void One_who_would_wait_enters_at_once_when_room_came_meanwhile()
    {
        var intake = new AppendIntake(1);
        Assert.True(intake.EnterAsync().IsCompletedSuccessfully);
        Assert.False(intake.EnterAsync().IsCompleted);
    }

    [Fact]
    public void A_spare_operation_stays_with_its_own_log()
    {
        var (one, other) = (new AppendIntake(1), new AppendIntake(1));
        var operation = one.Rent();
        one.Return(operation);
        Assert.Same(other, other.Rent().Owner);
        Assert.Same(operation, one.Rent());
        Assert.NotSame(operation, one.Rent());
    }

    /// <summary>All the room, when all has been left.</summary>
    private static bool Entered(AppendIntake intake, int room)
    {
        intake.Leave(room);
        for (var i = 0; i < room; i++)
        {
            if (!intake.TryEnter()) return false;
        }
        return !intake.TryEnter();
    }
}
