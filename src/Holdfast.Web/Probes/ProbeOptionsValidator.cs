using Microsoft.Extensions.Options;

namespace Holdfast.Web.Probes;

/// <summary>Attributes of the section.</summary>
[OptionsValidator]
internal sealed partial class ProbeAttributes : IValidateOptions<ProbeOptions>;

/// <summary>Attributes of the section and the rules between its values. Whether services and sites exist is the
/// caller's to compare.</summary>
internal sealed class ProbeOptionsValidator : IValidateOptions<ProbeOptions>
{
    private const int CanariesMax = 1000;
    private readonly ProbeAttributes _attributes = new();

    public ValidateOptionsResult Validate(string? name, ProbeOptions options)
    {
        var faults = new List<string>(_attributes.Validate(name, options).Failures ?? []);
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < options.Services.Length; i++)
            Check(options.Services[i], $"Services:{i}", seen, faults);
        if (options.Canaries.Length > CanariesMax)
            faults.Add($"Canaries: there are {options.Canaries.Length}; at most {CanariesMax} are looked after.");
        seen.Clear();
        for (var i = 0; i < options.Canaries.Length; i++)
            Check(options.Canaries[i], $"Canaries:{i}", seen, faults);
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults.Distinct());
    }

    private static void Check(ProbeServiceOptions service, string at, HashSet<string> seen, List<string> faults)
    {
        if (service.Service.Length > 0 && !seen.Add(service.Service))
            faults.Add($"{at}:Service: \"{service.Service}\" is probed twice; remove one.");
        CheckPath(service.Path, at + ":Path", faults);
        CheckHost(service.Host, at, faults);
        if (service.Method is not ("GET" or "HEAD" or "OPTIONS" or "POST"))
            faults.Add($"{at}:Method: \"{service.Method}\" can't be a probe; use GET, HEAD, OPTIONS or POST.");
        else if (service.Method == "HEAD" && service.ExpectBody.Length > 0)
            faults.Add($"{at}:ExpectBody: an answer to HEAD has no body; use GET.");
        if (!StatusSet.TryParse(service.ExpectStatus, out _))
        {
            faults.Add($"{at}:ExpectStatus: \"{service.ExpectStatus}\" is no list of statuses from 100 to 599; "
                + "write 200-299, 304.");
        }
    }

    private static void Check(WebCanaryOptions canary, string at, HashSet<string> seen, List<string> faults)
    {
        if (canary.Site.Length > 0 && !seen.Add(canary.Site))
            faults.Add($"{at}:Site: \"{canary.Site}\" has a canary already; remove one.");
        CheckPath(canary.WritePath, at + ":WritePath", faults);
        if (canary.ReadPath.Length > 0)
            CheckPath(canary.ReadPath, at + ":ReadPath", faults);
        CheckHost(canary.Host, at, faults);
        if (canary.WriteMethod is not ("PUT" or "POST"))
            faults.Add($"{at}:WriteMethod: \"{canary.WriteMethod}\" can't be taken; use PUT or POST.");
    }

    private static void CheckPath(string path, string at, List<string> faults)
    {
        var isPath = path is ['/', ..];
        foreach (var c in path)
            isPath &= c is > ' ' and < '\x7F' and not '#';
        if (!isPath)
            faults.Add($"{at}: \"{path}\" is not a path; write / or /below/this.");
    }

    private static void CheckHost(string host, string at, List<string> faults)
    {
        foreach (var c in host)
        {
            if (!char.IsAsciiLetterOrDigit(c) && !"-._:[]".Contains(c, StringComparison.Ordinal))
            {
                faults.Add($"{at}:Host: \"{host}\" is not a host; write store.example or store.example:8443.");
                return;
            }
        }
    }
}
