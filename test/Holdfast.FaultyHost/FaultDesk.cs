using System.Globalization;
using Holdfast.Storage.Disk;

namespace Holdfast.FaultyHost;

/// <summary>The gateway of src/Holdfast, whole, on a disk that fails when it is told to.</summary>
/// <remarks>
/// Each line on standard input replaces the faults (<c>operation:after:count:errno[:path-part]</c>, several separated
/// by ';'; an empty line ends them) and is answered by a line on standard output: <c>faults N</c> with the number of
/// calls that the faults before it made fail, or <c>faults ?</c> when the line can't be read. Faults of the start come
/// from <c>HOLDFAST_FAULTS</c>. This program is never shipped; the gateway itself reads none of it.
/// </remarks>
internal sealed class FaultDesk(TextReader input, TextWriter output)
{
    private const string StartVariable = "HOLDFAST_FAULTS";

    /// <summary>Takes the disk into hand, and begins to listen.</summary>
    public IDisk Wrap(IDisk disk)
    {
        var text = Environment.GetEnvironmentVariable(StartVariable) ?? "";
        if (!DiskFault.TryParse(text, out var faults))
            throw new InvalidOperationException($"{StartVariable}: '{text}' is no list of faults");
        output.WriteLine("test build: disk faults are injected here");
        var faulty = new FaultyDisk(disk, faults);
        new Thread(() => Listen(faulty)) { IsBackground = true, Name = "faults" }.Start();
        return faulty;
    }

    private void Listen(FaultyDisk disk)
    {
        while (input.ReadLine() is { } line)
        {
            if (!DiskFault.TryParse(line, out var faults))
            {
                output.WriteLine("faults ?");
                continue;
            }
            var before = disk.Failures;
            disk.Faults = faults;
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"faults {before}"));
        }
    }
}
