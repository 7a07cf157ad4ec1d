using System.Net;
using Microsoft.Extensions.Options;

namespace Holdfast.Mail.Receive;

/// <summary>Rules of <see cref="ReceiveOptions"/>, each fault with what to do about it.</summary>
/// <remarks>Across fields only: ranges stand in attributes, which the binder checks.</remarks>
public sealed class ReceiveOptionsValidation : IValidateOptions<ReceiveOptions>
{
    public ValidateOptionsResult Validate(string? name, ReceiveOptions options)
    {
        var faults = new List<string>();
        for (var i = 0; i < options.Listeners.Length; i++)
        {
            var listener = options.Listeners[i];
            var at = $"Listeners:{i} ({(string.IsNullOrEmpty(listener.Name) ? "unnamed" : listener.Name)}): ";
            CheckListener(options, listener, at, faults);
            for (var j = 0; j < i; j++)
            {
                if (string.Equals(options.Listeners[j].Name, listener.Name, StringComparison.OrdinalIgnoreCase))
                    faults.Add($"{at}Name is used by Listeners:{j} too: give each listener a name of its own.");
                if (string.Equals(options.Listeners[j].Endpoint, listener.Endpoint, StringComparison.OrdinalIgnoreCase))
                    faults.Add($"{at}Endpoint is used by Listeners:{j} too: give each its own address or port.");
            }
        }

        for (var i = 0; i < options.PriorityRules.Length; i++)
        {
            var rule = options.PriorityRules[i];
            var at = $"PriorityRules:{i}: ";
            if (string.IsNullOrEmpty(rule.SenderDomain) && string.IsNullOrEmpty(rule.RecipientDomain))
                faults.Add($"{at}names no domain: set SenderDomain or RecipientDomain.");
        }
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }

    /// <summary>Stands in the envelopes of our own notices, whose failure is held and never told to a sender.</summary>
    private const string NoticeName = "notice";

    private static void CheckListener(ReceiveOptions options, ListenerOptions listener, string at, List<string> faults)
    {
        if (string.Equals(listener.Name, NoticeName, StringComparison.OrdinalIgnoreCase))
            faults.Add($"{at}Name '{NoticeName}' marks Holdfast's own notices: give the listener another name.");
        if (!Enum.IsDefined(listener.Role))
            faults.Add($"{at}Role must be Inbound, Submission or Relay.");
        if (!Enum.IsDefined(listener.Tls))
            faults.Add($"{at}Tls must be None, StartTls, Required or Implicit.");
        if (!IPEndPoint.TryParse(listener.Endpoint, out var endpoint) || !listener.Endpoint.Contains(':'))
            faults.Add($"{at}Endpoint '{listener.Endpoint}' must be an IP address with a port, as 127.0.0.1:2525 or " +
                "[::]:25.");
        else if (endpoint.Port == 0)
            faults.Add($"{at}Endpoint '{listener.Endpoint}' has no port: add one, as {endpoint.Address}:25.");

        Networks(listener.TrustedNetworks, "TrustedNetworks", at, faults);
        Networks(listener.ProxyProtocolFrom, "ProxyProtocolFrom", at, faults);
        Networks(listener.XclientFrom, "XclientFrom", at, faults);
        Networks(listener.MtPriorityFrom, "MtPriorityFrom", at, faults);

        if (listener.Tls != ListenerTls.None && string.IsNullOrEmpty(listener.CertificateFile))
            faults.Add($"{at}Tls is {listener.Tls} but there is no certificate: set CertificateFile (PEM), or Tls to " +
                "None.");
        if (listener.Tls == ListenerTls.None && !string.IsNullOrEmpty(listener.CertificateFile))
            faults.Add($"{at}CertificateFile is set but Tls is None: set Tls to StartTls, Required or Implicit.");
        if (string.IsNullOrEmpty(listener.CertificateFile) && !string.IsNullOrEmpty(listener.KeyFile))
            faults.Add($"{at}KeyFile is set without CertificateFile: set both.");

        switch (listener.Role)
        {
            case ListenerRole.Inbound:
                if (listener.Domains.Length == 0 && string.IsNullOrEmpty(listener.DomainsFile))
                    faults.Add($"{at}an inbound listener needs to know its domains: set Domains or DomainsFile.");
                if (listener.BareNewlines == BareNewlineHandling.Normalise)
                    faults.Add($"{at}BareNewlines Normalise is for submission and relay listeners: mail from outside " +
                        "that holds bare newlines must be refused, so set Reject.");
                break;
            case ListenerRole.Submission:
                if (string.IsNullOrEmpty(options.UsersFile))
                    faults.Add($"{at}a submission listener needs users: set UsersFile.");
                if (listener.Tls == ListenerTls.None && !listener.AllowPlainTextAuth)
                    faults.Add($"{at}a submission listener needs TLS, because passwords cross it: set Tls to " +
                        "Required or Implicit with a CertificateFile.");
                break;
            case ListenerRole.Relay:
                if (listener.TrustedNetworks.Length == 0)
                    faults.Add($"{at}a relay listener serves TrustedNetworks only, and none is given: list the " +
                        "networks that may relay, for example 127.0.0.0/8.");
                foreach (var network in listener.TrustedNetworks)
                {
                    if (network is "0.0.0.0/0" or "::/0")
                        faults.Add($"{at}TrustedNetworks {network} would make an open relay: list your own networks.");
                }
                break;
        }
        if (listener.Role != ListenerRole.Inbound && (listener.Domains.Length > 0
            || !string.IsNullOrEmpty(listener.DomainsFile) || !string.IsNullOrEmpty(listener.RecipientsFile)))
            faults.Add($"{at}Domains, DomainsFile and RecipientsFile are for inbound listeners: remove them, or set " +
                "Role to Inbound.");
        foreach (var domain in listener.Domains)
        {
            if (!DomainList.IsDomain(domain))
                faults.Add($"{at}Domains '{domain}' is not a domain: write example.org, or .example.org for " +
                    "subdomains.");
        }
        if (listener.AllowPlainTextAuth && (endpoint is null || !IPAddress.IsLoopback(endpoint.Address)))
            faults.Add($"{at}AllowPlainTextAuth would send passwords in the clear: it is allowed on loopback " +
                "endpoints only.");
        if (listener.Postmaster is { Length: > 0 } postmaster && !postmaster.Contains('@'))
            faults.Add($"{at}Postmaster '{postmaster}' must be a full address.");
    }

    private static void Networks(string[] entries, string key, string at, List<string> faults)
    {
        if (!NetworkSet.TryParse(entries, out _, out var fault))
            faults.Add($"{at}{key}: {fault}");
    }
}
