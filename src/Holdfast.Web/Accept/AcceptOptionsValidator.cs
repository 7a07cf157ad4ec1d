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
}
