namespace Holdfast.Mail.Receive;

/// <summary>What <c>holdfast status</c> shows of the receiving end.</summary>
internal sealed record ReceiveStatus(
    int Sessions, long Accepted, bool IsDraining, IReadOnlyList<ListenerStatus> Listeners);

/// <param name="Fault">Why it isn't bound, or null.</param>
internal sealed record ListenerStatus(string Name, string Endpoint, ListenerRole Role, bool IsBound, string? Fault);
