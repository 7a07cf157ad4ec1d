using Holdfast.Sim.Provider;

namespace Holdfast.Tests.Sim.Provider;

public class PoolTests
{
    [Fact]
    public void What_was_given_back_last_is_taken_first_and_nothing_is_taken_twice()
    {
        var pool = new Pool<Job>();
        var taken = Enumerable.Range(0, 5000).Select(_ => pool.Take()).ToList();
        Assert.Equal(5000, taken.Distinct().Count());
        pool[7].Server = 70;
        pool.GiveBack(7);
        pool.GiveBack(4999);
        Assert.Equal(4999, pool.Take());
        Assert.Equal(7, pool.Take());
        Assert.Equal(70, pool[7].Server);
        Assert.Equal(5000, pool.Take());
        Assert.Equal(5001, pool.Used);
    }
}
