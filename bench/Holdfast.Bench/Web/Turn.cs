namespace Holdfast.Bench.Web;

/// <summary>The machine for oneself, among those who keep to the same lock.</summary>
internal static class Turn
{
    /// <param name="file">Null: at once.</param>
    public static IDisposable? Take(string? file)
    {
        using var pause = new ManualResetEventSlim();
        while (file is not null)
        {
            try
            {
                // An exclusive opening is flock(2) here, so the lock is flock(1)'s.
                return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                pause.Wait(TimeSpan.FromMilliseconds(100));
            }
        }
        return null;
    }
}
