using System.Net;
using Microsoft.Extensions.Options;

namespace Holdfast.Web.Accept;

/// <summary>Attributes of the section and the rules between its values.</summary>
[OptionsValidator]
internal sealed partial class AcceptAttributes : IValidateOptions<AcceptOptions>;

/// <inheritdoc cref="AcceptAttributes"/>
internal sealed class AcceptOptionsValidator : IValidateOptions<AcceptOptions>
{
    private readonly AcceptAttributes _attributes = new();

    public ValidateOptionsResult Validate(string? name, AcceptOptions options)
    {
        var result = _attributes.Validate(name, options);
        var faults = new List<string>(result.Failures ?? []);
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < options.Listeners.Length; i++)
        {
            var listener = options.Listeners[i];
            if (listener.Name.Length > 0 && !names.Add(listener.Name))
                faults.Add($"Listeners:{i}:Name: \"{listener.Name}\" is taken; choose another name.");
            if (listener.Endpoint.Length == 0)
                faults.Add($"Listeners:{i}:Endpoint: required; for example 0.0.0.0:443.");
            CheckTls(listener, $"Listeners:{i}:", faults);
        }
        for (var i = 0; i < options.TrustedProxies.Length; i++)
        {
            if (!IPNetwork.TryParse(options.TrustedProxies[i], out _))
            {
                faults.Add($"TrustedProxies:{i}: \"{options.TrustedProxies[i]}\" is not a network; "
                    + "for example 10.0.0.0/8 or fd00::/8.");
            }
        }
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults.Distinct());
    }

    private static void CheckTls(WebListenerOptions listener, string at, List<string> faults)
    {
        if (!listener.IsTls && listener.Protocols is WebProtocols.Http1AndHttp2 or WebProtocols.Http1AndHttp2AndHttp3)
        {
            faults.Add($"{at}Protocols: {listener.Protocols} needs TLS, in which client and listener agree on one; "
                + "name Certificates, or set Http1 or Http2.");
        }
        var names = new HashSet<string>(StringComparer.Ordinal);
        var hasDefault = false;
        for (var i = 0; i < listener.Certificates.Length; i++)
        {
            var told = listener.Certificates[i];
            var here = $"{at}Certificates:{i}:";
            if (told.CertificateFile.Length == 0)
                faults.Add($"{here}CertificateFile: required; a PEM file with the certificate and its chain.");
            if (told.Hosts.Length == 0 && hasDefault)
            {
                faults.Add($"{here}Hosts: there are two certificates without names, which is the default; "
                    + "name the hosts of this one.");
            }
            hasDefault |= told.Hosts.Length == 0;
            for (var j = 0; j < told.Hosts.Length; j++)
            {
                if (!ServerName.TryParse(told.Hosts[j], out var name))
                {
                    faults.Add($"{here}Hosts:{j}: \"{told.Hosts[j]}\" is not a name that a client asks for; "
                        + "for example store.example or *.store.example.");
                }
                else if (!names.Add(name))
                {
                    faults.Add($"{here}Hosts:{j}: \"{told.Hosts[j]}\" is told twice; remove one.");
                }
            }
        }
    }
}
