using System.Runtime.InteropServices;

namespace Holdfast;

/// <summary>SIGTERM and SIGINT: the first drains, the second stops now. SIGHUP: reload.</summary>
internal sealed class ProcessSignals : IDisposable
{
    private readonly CancellationTokenSource _drain = new();
    private readonly CancellationTokenSource _stopNow = new();
    private readonly PosixSignalRegistration[] _registrations;
    private int _count;

    public ProcessSignals()
    {
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop),
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop),
            PosixSignalRegistration.Create(PosixSignal.SIGQUIT, Stop),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
            {
                context.Cancel = true;
                Hangup?.Invoke();
            }),
        ];
    }

    /// <summary>Set by the first SIGTERM or SIGINT.</summary>
    public CancellationToken Drain => _drain.Token;
    /// <summary>Set by the second.</summary>
    public CancellationToken StopNow => _stopNow.Token;
    public Action? Hangup { get; set; }

    private void Stop(PosixSignalContext context)
    {
        // Otherwise the runtime would end the process after this handler.
        context.Cancel = true;
        var source = Interlocked.Increment(ref _count) == 1 ? _drain : _stopNow;
        // Not here: what the token sets off must not run on the signal thread.
        _ = Task.Run(source.Cancel);
    }

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _drain.Dispose();
        _stopNow.Dispose();
    }
}
