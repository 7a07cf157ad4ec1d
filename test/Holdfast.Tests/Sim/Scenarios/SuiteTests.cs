using Holdfast.Sim.Scenarios;

namespace Holdfast.Tests.Sim.Scenarios;

/// <summary>The scenarios that are shipped in scenarios/.</summary>
public class SuiteTests
{
    public static TheoryData<string> Files => [.. Directory.EnumerateFiles(
        Path.Combine(AppContext.BaseDirectory, "scenarios"), "*.json").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public void Each_scenario_is_read_without_a_fault_bears_its_files_name_and_teaches_something(string file)
    {
        var (scenario, faults) = ScenarioReader.ReadFile(Path.Combine(AppContext.BaseDirectory, "scenarios", file));
        Assert.True(scenario is not null, string.Join('\n', faults));
        Assert.Equal(Path.GetFileNameWithoutExtension(file), scenario.Name);
        Assert.InRange(scenario.Teaches.Length, 30, 300);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Each_scenario_with_a_fault_ends_healed_and_demands_something(string file)
    {
        var (scenario, _) = ScenarioReader.ReadFile(Path.Combine(AppContext.BaseDirectory, "scenarios", file));
        var holds = scenario!.Holds;
        Assert.True(holds.RegretMax is not null || holds.ConvergeWithin is not null);
        if (scenario.Faults.Length == 0)
            return;
        Assert.NotNull(scenario.HealedAt);
        Assert.True(scenario.Duration - scenario.HealedAt >= TimeSpan.FromSeconds(60));
    }
}
