using Holdfast.Sim.PowerCuts;

namespace Holdfast.Tests.Mail.Spool;

public class SpoolPowerCutTests
{
    [Fact]
    public void Nothing_acknowledged_is_lost_by_thousands_of_power_cuts()
    {
        var tally = new PowerCutTally();
        for (var seed = 1; tally.Cuts < 2000; seed++)
            tally += PowerCutRun.Run(seed, new PowerCutPlan());
        TestContext.Current.TestOutputHelper!.WriteLine(tally.ToString());
        Assert.True(tally.Stored > 3000);
        Assert.Equal(0, tally.Refused);
    }

    [Fact]
    public void Nothing_acknowledged_is_lost_when_writes_syncs_and_renames_fail_too()
    {
        var tally = new PowerCutTally();
        for (var seed = 1; tally.Cuts < 300; seed++)
            tally += PowerCutRun.Run(seed, new PowerCutPlan(FaultShare: 0.01));
        TestContext.Current.TestOutputHelper!.WriteLine(tally.ToString());
        Assert.True(tally.Refused > 50);
    }

    [Theory]
    [InlineData((int)PowerCutMutant.NoDataSync)]
    [InlineData((int)PowerCutMutant.NoDirectorySync)]
    [InlineData((int)PowerCutMutant.NoBodySync)]
    [InlineData((int)PowerCutMutant.MovesUnsynced)]
    public void The_same_cuts_catch_a_spool_that_leaves_out_a_sync(int mutant)
    {
        var plan = new PowerCutPlan((PowerCutMutant)mutant);
        Assert.Throws<PowerCutFault>(() =>
        {
            for (var seed = 1; seed <= 1500; seed++)
                PowerCutRun.Run(seed, plan);
        });
    }
}
