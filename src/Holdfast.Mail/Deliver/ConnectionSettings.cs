using Holdfast.Mail.Route;

namespace Holdfast.Mail.Deliver;

/// <summary>How to open a connection and how long to wait on it.</summary>
/// <param name="HostName">The target's name, for TLS.</param>
/// <param name="HelloName">Our name.</param>
internal sealed record ConnectionSettings(string HostName, string HelloName, MailRoute Route, DeliverOptions Options);
