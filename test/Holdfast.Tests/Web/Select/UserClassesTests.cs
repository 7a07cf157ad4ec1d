using Holdfast.Web.Select;
using Microsoft.Extensions.Primitives;

namespace Holdfast.Tests.Web.Select;

public sealed class UserClassesTests
{
    private static readonly UserClasses s_classes = new([new() { Name = "staff", Priority = 1 },
        new() { Name = "clinic", Priority = 0 }, new() { Name = "guest", Priority = 5 }]);

    [Theory]
    [InlineData("staff", 1)]
    [InlineData("STAFF", 1)]
    [InlineData("guest, staff", 1)]
    [InlineData("staff,clinic", 0)]
    [InlineData("guest", 5)]
    [InlineData("staffer", 3)]
    [InlineData(" , ,", 3)]
    [InlineData("", 3)]
    public void The_most_important_class_that_is_known_gives_the_priority(string said, byte expected) =>
        Assert.Equal(expected, s_classes.PriorityOf(said, 3));

    [Fact]
    public void Several_fields_are_one_list() =>
        Assert.Equal(0, s_classes.PriorityOf(new StringValues(["guest", null, "x, clinic"]), 3));

    [Fact]
    public void The_64th_class_of_a_list_is_read_and_the_65th_is_not()
    {
        Assert.Equal(1, s_classes.PriorityOf(string.Concat(Enumerable.Repeat("x,", 63)) + "staff", 3));
        Assert.Equal(3, s_classes.PriorityOf(string.Concat(Enumerable.Repeat("x,", 64)) + "staff", 3));
    }
}
