using Holdfast.Sim.Disks;

namespace Holdfast.Tests.Storage.Segments;

public class PowerCutTests
{
    /// <summary>More on request: HOLDFAST_SEEDS=100000.</summary>
    private static readonly int _seeds =
        int.TryParse(Environment.GetEnvironmentVariable("HOLDFAST_SEEDS"), out var seeds) ? seeds : 2000;
    private const int MutantSeeds = 300;

    [Fact]
    public void No_power_cut_loses_what_was_synced_or_brings_back_what_failed()
    {
        for (var seed = 0; seed < _seeds; seed++) Require(seed, withFaults: false);
    }

    [Fact]
    public void Neither_does_a_power_cut_after_writes_and_syncs_have_failed()
    {
        for (var seed = 0; seed < _seeds; seed++) Require(seed, withFaults: true);
    }

    [Fact]
    public void A_disk_that_ignores_fdatasync_is_caught() =>
        Assert.True(CountCaught(() => new SimulatedDiskManners { IgnoresDataSync = true }) > 0);

    [Fact]
    public void A_disk_that_ignores_directory_syncs_is_caught() =>
        Assert.True(CountCaught(() => new SimulatedDiskManners { IgnoresDirectorySync = true }) > 0);

    private static void Require(int seed, bool withFaults)
    {
        var wrong = new PowerCutHarness(seed, null, withFaults).Run();
        Assert.True(wrong is null, $"seed {seed}: {wrong}");
    }

    private static int CountCaught(Func<SimulatedDiskManners> mutant)
    {
        var caught = 0;
        for (var seed = 0; seed < MutantSeeds; seed++)
        {
            if (new PowerCutHarness(seed, mutant()).Run() is not null) caught++;
        }
        return caught;
    }
}
