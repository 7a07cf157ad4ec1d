using System.Text.RegularExpressions;
using Holdfast.SystemTests.Harness;

namespace Holdfast.SystemTests;

/// <summary>What surrounds the binary when it is installed. systemd judges its unit itself; the container's image is not
/// built here, so of the Dockerfile only what can be seen from outside is checked.</summary>
public partial class PackagingTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private const string Publish = "dotnet publish src/Holdfast -c Release -o /opt/holdfast";

    [Fact]
    public async Task Systemd_has_nothing_to_say_about_the_unit()
    {
        var analyze = Peer.Require("systemd-analyze");
        using var workspace = new Workspace();
        var unit = await File.ReadAllTextAsync(Repository("packaging/systemd/holdfast.service"));
        // It looks whether the program is there; the one that was built stands for the installed one.
        var program = Path.Combine(Path.GetDirectoryName(Gateway.BinaryPath)!, "holdfast");
        Assert.True(File.Exists(program), program);
        var file = workspace.File("holdfast.service");
        await File.WriteAllTextAsync(file, unit.Replace("/opt/holdfast/holdfast", program, StringComparison.Ordinal));
        var (code, output) = await Peer.RunAsync(analyze, ["verify", "--man=no", file], Limit);
        Assert.True(code == 0 && output.Trim().Length == 0, output);
        // It only warns of a name that it doesn't know, so silence must be more than the exit code.
        await File.AppendAllTextAsync(file, "\n[Service]\nProtectEverything=yes\n");
        (_, output) = await Peer.RunAsync(analyze, ["verify", "--man=no", file], Limit);
        Assert.Contains("ProtectEverything", output, StringComparison.Ordinal);
        // 0 is locked up, 10 is wide open; 1.7 in November 2026 with systemd 252.
        var (safe, words) = await Peer.RunAsync(analyze, ["security", "--offline=true", "--threshold=20", "--no-pager",
            Repository("packaging/systemd/holdfast.service")], Limit);
        Assert.True(safe == 0, words);
    }

    [Fact]
    public async Task Systemd_makes_the_user_that_the_unit_runs_as()
    {
        var sysusers = Peer.Require("systemd-sysusers");
        var (code, output) = await Peer.RunAsync(sysusers,
            ["--dry-run", Repository("packaging/systemd/holdfast.sysusers")], Limit);
        Assert.True(code == 0, output);
        var name = Unit("User");
        Assert.Equal(name, Unit("Group"));
        Assert.Contains($"u {name} ", await File.ReadAllTextAsync(Repository("packaging/systemd/holdfast.sysusers")),
            StringComparison.Ordinal);
    }

    [Fact]
    public void The_image_is_published_as_the_documents_say_and_each_path_that_it_copies_exists()
    {
        var lines = File.ReadAllLines(Repository("packaging/docker/Dockerfile"));
        Assert.Contains("RUN " + Publish, lines);
        Assert.Contains(Publish, File.ReadAllText(Repository("docs/operating/systemd.md")), StringComparison.Ordinal);
        Assert.Contains(Publish, File.ReadAllText(Repository("packaging/systemd/holdfast.service")), StringComparison.Ordinal);
        var stages = lines.Select(l => Stage().Match(l)).Where(m => m.Success).Select(m => m.Groups[1].Value).ToList();
        var copies = lines.Where(l => l.StartsWith("COPY ", StringComparison.Ordinal)).ToList();
        Assert.Equal(2, copies.Count);
        foreach (var copy in copies)
        {
            var words = copy.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..];
            if (words[0].StartsWith("--from=", StringComparison.Ordinal))
            {
                Assert.Contains(words[0]["--from=".Length..], stages);
                // From another stage: what its publish wrote.
                Assert.EndsWith(" " + words[1], Publish, StringComparison.Ordinal);
            }
            else
            {
                Assert.All(words[..^1], source => Assert.True(Path.Exists(Repository(source)), source));
            }
        }
        Assert.Contains("ENTRYPOINT [\"holdfast\"]", lines);
        Assert.Contains(lines, l => l.Contains("ln -s /opt/holdfast/holdfast /usr/local/bin/holdfast", StringComparison.Ordinal));
        // The SDK's and the runtime's version are the one that is built for.
        var target = TargetFramework().Match(File.ReadAllText(Repository("Directory.Build.props"))).Groups[1].Value;
        Assert.All(lines.Where(l => l.StartsWith("FROM ", StringComparison.Ordinal)),
            l => Assert.Contains(":" + target, l, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Run_by_the_sdk_it_finds_the_readmes_paths_from_the_callers_folder()
    {
        var dotnet = Environment.ProcessPath is { } host && Path.GetFileName(host) == "dotnet" ? host
            : Peer.Require("dotnet");
        var (code, output) = await Peer.RunAsync(dotnet,
            ["msbuild", Repository("src/Holdfast/Holdfast.csproj"), "-getProperty:RunWorkingDirectory"], Limit);
        Assert.True(code == 0, output);
        Assert.Equal("", output.Trim());
    }

    [Fact]
    public async Task Nothing_of_the_repository_is_kept_out_of_the_images_build()
    {
        var git = Peer.Require("git");
        var (code, output) = await Peer.RunAsync(git, ["-c", "safe.directory=*", "-C", Workspace.RepositoryRoot, "ls-files"],
            Limit);
        if (code != 0)
            Assert.Skip("this is no git repository: this test was not run");
        var ignored = File.ReadAllLines(Repository("packaging/docker/Dockerfile.dockerignore"));
        var patterns = ignored.Select(i => new Regex("^" + Regex.Escape(i)
            .Replace(@"\*\*/", "(.*/)?", StringComparison.Ordinal).Replace(@"\*", "[^/]*", StringComparison.Ordinal)
            + "(/|$)"));
        Assert.All(output.Split('\n', StringSplitOptions.RemoveEmptyEntries), file =>
            Assert.DoesNotContain(patterns, p => p.IsMatch(file)));
    }

    private static string Repository(string path) => Path.Combine(Workspace.RepositoryRoot, path);

    private static string Unit(string key) => File.ReadLines(Repository("packaging/systemd/holdfast.service"))
        .Single(l => l.StartsWith(key + "=", StringComparison.Ordinal))[(key.Length + 1)..];

    [GeneratedRegex(@"^FROM \S+ AS (\S+)$")]
    private static partial Regex Stage();

    [GeneratedRegex("<TargetFramework>net([0-9.]+)</TargetFramework>")]
    private static partial Regex TargetFramework();
}
