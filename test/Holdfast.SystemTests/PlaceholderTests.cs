namespace Holdfast.SystemTests;

public class BinaryTests
{
    [Fact]
    public void Binary_was_built() => Assert.True(true);
}
