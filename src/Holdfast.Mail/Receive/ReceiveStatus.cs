namespace Holdfast.Mail.Receive;

/// <summary>What <c>holdfast status</c> shows of the receiving end.</summary>
internal sealed record ReceiveStatus(
    int Sessions, long Accepted, bool IsDraining, IReadOnlyList<ListenerStatus> Listeners);

/// <param name="Fault">Why it isn't bound, or null.</param>
/// <param name="HasCertificate">False where there is no TLS, and where its certificate could not be read yet.</param>
internal sealed record ListenerStatus(
    string Name, string Endpoint, ListenerRole Role, bool IsBound, string? Fault, ListenerTls Tls, bool HasCertificate)
{
    /// <summary>What a client finds there, in words.</summary>
    public string Describe() => $"{(Tls == ListenerTls.Implicit ? "SMTPS" : "SMTP")} {Endpoint} ({Name}, {Role}"
        + (Tls, HasCertificate) switch
        {
            (ListenerTls.None, _) => ")",
            (ListenerTls.StartTls, true) => ", STARTTLS offered)",
            (ListenerTls.StartTls, false) => "; STARTTLS not offered: no usable certificate yet, see the log)",
            (ListenerTls.Required, true) => ", STARTTLS required)",
            (ListenerTls.Implicit, true) => ", TLS from the first byte)",
            _ => "; takes NO mail: no usable certificate yet, see the log)",
        };
}
