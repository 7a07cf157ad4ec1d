using Microsoft.Extensions.Options;

namespace Holdfast.Web.Forward;

/// <summary>Attributes of the section.</summary>
[OptionsValidator]
internal sealed partial class ForwardAttributes : IValidateOptions<ForwardOptions>;

/// <summary>Attributes of the section and the rules between its values.</summary>
internal sealed class ForwardOptionsValidator : IValidateOptions<ForwardOptions>
{
    private readonly ForwardAttributes _attributes = new();

    public ValidateOptionsResult Validate(string? name, ForwardOptions options)
    {
        var faults = new List<string>(_attributes.Validate(name, options).Failures ?? []);
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < options.Services.Length; i++)
        {
            var service = options.Services[i];
            if (service.Service.Length > 0 && !names.Add(service.Service))
                faults.Add($"Services:{i}:Service: \"{service.Service}\" is told twice; remove one.");
            if (!service.Tls && (service.TlsName.Length > 0 || service.AuthorityFile.Length > 0))
                faults.Add($"Services:{i}:Tls: TlsName and AuthorityFile mean nothing without it; set it to true.");
        }
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults.Distinct());
    }
}
