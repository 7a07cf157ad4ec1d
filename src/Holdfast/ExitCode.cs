namespace Holdfast;

/// <summary>What the process answers its caller. Documented in docs/reference/commands.md; never renumber.</summary>
internal static class ExitCode
{
    public const int Ok = 0;
    /// <summary>It was tried and failed; standard error says why.</summary>
    public const int Failed = 1;
    /// <summary>The command line makes no sense.</summary>
    public const int Usage = 2;
    /// <summary>The configuration has faults; each is told with its line.</summary>
    public const int ConfigurationInvalid = 3;
    /// <summary>No server answers on the socket.</summary>
    public const int ServerNotReachable = 4;
    /// <summary>The selector, id or address matches nothing.</summary>
    public const int NothingMatched = 5;
    /// <summary>Asked for confirmation and not confirmed; nothing was changed.</summary>
    public const int NotConfirmed = 6;
    /// <summary>The server is there but not ready; for the queue: it is still being read. Try again.</summary>
    public const int NotReady = 7;
    /// <summary>Stopped by a second signal before the drain ended.</summary>
    public const int StoppedNow = 8;
    /// <summary>A simulated scenario ran and something that must hold did not (simulate only).</summary>
    public const int HoldsBroken = 9;
}
