namespace Holdfast;

/// <summary>What the process needs of the mail flow: its start and stop, stage by stage.</summary>
internal interface IMailStages
{
    /// <summary>Replays the spool and starts delivery. Progress is told in words.</summary>
    Task OpenAsync(Action<string> progress, CancellationToken abort);

    /// <summary>Opens the listeners; returns what each listens on, in words.</summary>
    Task<IReadOnlyList<string>> ListenAsync(CancellationToken abort);

    /// <summary>Stops accepting, lets running transactions finish, flushes the spool. Cancelled: stops at once, as a
    /// crash would, which loses nothing that was accepted.</summary>
    Task DrainAsync(CancellationToken abort);
}
