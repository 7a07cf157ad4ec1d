using Holdfast.Traffic;
using Holdfast.Traffic.Balance;
using Holdfast.Traffic.Health;

namespace Holdfast.Tests.Traffic.Balance;

public class NearMemoryTests
{
    [Fact]
    public void To_ask_for_what_is_not_there_does_nothing()
    {
        NearMemory.Ask(null, 0, 1000);
        HealthKey.Fetch(null, 0.02);
        HealthKey.Fetch(new HealthKey(OperationClass.Read, new TrafficOptions(), 0), double.NaN);
    }

    [Fact]
    public void What_a_success_touches_lies_at_the_beginning_of_a_key()
    {
        var key = new HealthKey(OperationClass.Read, new TrafficOptions(), 0);
        var test = NearMemory.Distance(key, ref key.Test);
        Assert.InRange(NearMemory.Distance(key, ref key.Cost), 0, test);
        Assert.InRange(NearMemory.Distance(key, ref key.State), 0, test);
        Assert.InRange(NearMemory.Distance(key, ref key.Latency), test + OutcomeTest.CalmBytes, 1000);
    }
}
