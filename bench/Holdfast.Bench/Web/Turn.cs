using System.Diagnostics;

namespace Holdfast.Bench.Web;

/// <summary>The machine for oneself, among those who keep to the same lock.</summary>
internal sealed class Turn : IDisposable
{
    private readonly Process? _holder;

    private Turn(Process? holder) => _holder = holder;

    /// <summary>Waits in the queue of flock(1), which a loop of attempts would never get to the head of.</summary>
    /// <param name="file">Null: at once.</param>
    public static Turn Take(string? file)
    {
        if (file is null)
            return new Turn(null);
        var holder = Process.Start(new ProcessStartInfo("flock", [file, "sh", "-c", "echo taken; cat"])
            { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false })!;
        return holder.StandardOutput.ReadLine() is not null ? new Turn(holder)
            : throw new InvalidOperationException($"{file} can't be locked");
    }

    public void Dispose()
    {
        _holder?.StandardInput.Close();
        _holder?.WaitForExit();
        _holder?.Dispose();
    }
}
