namespace Holdfast.Mail.Canaries;

/// <summary>Sends a canary to its site.</summary>
internal interface ICanaryDispatch
{
    Task<CanaryDispatchResult> SendAsync(CanaryProbeOptions probe, string token, CancellationToken abort);
}

/// <param name="IsTaken">The site took it, or may have.</param>
/// <param name="IsSitesFault">It wasn't taken, and that speaks against the site; else against us, the mailbox or the
/// configuration.</param>
/// <param name="Text">What happened, for people.</param>
internal readonly record struct CanaryDispatchResult(bool IsTaken, bool IsSitesFault, string Text);
