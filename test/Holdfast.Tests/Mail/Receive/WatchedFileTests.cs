using Holdfast.Mail.Receive;
using Holdfast.Sim.Disks;
using Holdfast.Storage.Keys;
using Microsoft.Extensions.Logging.Abstractions;

namespace Holdfast.Tests.Mail.Receive;

public class WatchedFileTests
{
    [Fact]
    public async Task The_last_good_copy_serves_after_a_restart_without_the_source()
    {
        var disk = new SimulatedDisk();
        var files = new ReceiveBench.FilesDouble { ["recipients"] = "ann@example.org\n" };
        var first = Open(files, disk);
        await first.RefreshAsync(CancellationToken.None);
        Assert.Equal(1, first.Current!.Count);
        files.Remove("recipients");
        var second = Open(files, disk.Cut(new Random(1)));
        await second.RefreshAsync(CancellationToken.None);
        Assert.True(second.Current!.Contains("ann@example.org", '+'));
        files["recipients"] = "bob@example.org\neve@example.org\n";
        await second.RefreshAsync(CancellationToken.None);
        Assert.False(second.Current!.Contains("ann@example.org", '+'));
    }

    [Fact]
    public async Task Without_source_and_copy_there_is_nothing_to_serve()
    {
        var file = Open(new ReceiveBench.FilesDouble(), new SimulatedDisk());
        await file.RefreshAsync(CancellationToken.None);
        Assert.Null(file.Current);
    }

    private static WatchedFile<RecipientDirectory> Open(IFileSource files, SimulatedDisk disk) =>
        new("recipients", RecipientDirectory.Parse, r => r.Count, files, disk, NullLogger.Instance);
}
