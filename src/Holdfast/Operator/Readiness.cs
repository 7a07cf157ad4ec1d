namespace Holdfast.Operator;

/// <summary>How far the process has come, from start to stop.</summary>
internal enum ProcessPhase { Starting, Replaying, Opening, Ready, Draining, Stopped }

/// <summary>What <c>/readyz</c>, <c>status</c> and systemd are told about start and stop.</summary>
internal sealed class Readiness
{
    private volatile State _state = new(ProcessPhase.Starting, "starting");

    public ProcessPhase Phase => _state.Phase;
    /// <summary>The phase in words, with progress.</summary>
    public string Words => _state.Words;

    /// <summary>Why the process itself isn't ready, or null. Whether the mail flow can take mail is its own word.
    /// </summary>
    public string? NotReady => _state is { Phase: not ProcessPhase.Ready } state ? state.Words : null;

    public void Enter(ProcessPhase phase, string words) => _state = new(phase, words);

    private sealed record State(ProcessPhase Phase, string Words);
}
