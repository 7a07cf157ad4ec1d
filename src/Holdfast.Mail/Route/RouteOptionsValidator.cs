using System.ComponentModel.DataAnnotations;
using System.Net;
using Holdfast.Traffic.Targets;
using Microsoft.Extensions.Options;

namespace Holdfast.Mail.Route;

/// <summary>Finds the faults of a rule list that attributes can't see, each with what to do about it. A fault begins
/// with the key that it is about.</summary>
/// <param name="topology">Names the services there are; null: service names aren't checked.</param>
public sealed class RouteOptionsValidator(IOptionsMonitor<TopologyOptions>? topology = null)
    : IValidateOptions<RouteOptions>
{
    public ValidateOptionsResult Validate(string? name, RouteOptions options)
    {
        var faults = FaultsOf(options, topology?.CurrentValue).ToList();
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }

    /// <summary>The faults, for <c>holdfast check</c> and the validator.</summary>
    public static IEnumerable<string> FaultsOf(RouteOptions options, TopologyOptions? topology)
    {
        foreach (var fault in RangeFaults(RouteOptions.Section, options))
            yield return fault;
        if (options.DnsKeepMin > options.DnsKeepMax)
            yield return $"{RouteOptions.Section}:DnsKeepMin: is longer than DnsKeepMax; lower it or raise that";
        for (var i = 0; i < options.DnsServers.Length; i++)
        {
            if (!IPEndPoint.TryParse(options.DnsServers[i], out _))
                yield return $"{RouteOptions.Section}:DnsServers:{i}: \"{options.DnsServers[i]}\" is not an IP "
                    + "address or address:port; give one, for example 192.0.2.53 or [2001:db8::53]:53";
        }

        var services = topology?.Sites.Select(s => s.Service).Distinct(StringComparer.OrdinalIgnoreCase).ToList();
        var seen = new List<(string Pattern, int Rule)>();
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < options.Rules.Length; i++)
        {
            var key = $"{RouteOptions.Section}:Rules:{i}";
            var rule = options.Rules[i];
            foreach (var fault in RangeFaults(key, rule).Concat(TargetFaults(key, rule, services))
                .Concat(TlsFaults(key, rule)))
                yield return fault;
            if (rule.Name.Length > 64 || rule.Name.AsSpan().ContainsAnyExcept(NameCharacters))
                yield return $"{key}:Name: use at most 64 letters, digits, '-', '_' and '.'";
            else if (rule.Name.Length > 0 && !names.Add(rule.Name))
                yield return $"{key}:Name: \"{rule.Name}\" names an earlier rule already; choose another";

            var patterns = RoutePatterns.Of(rule);
            if (patterns.Count == 0)
                yield return $"{key}:Domain: the rule matches nothing; give a Domain (\"*\" for all) or Domains";
            var covered = 0;
            var by = -1;
            foreach (var pattern in patterns)
            {
                if (RoutePatterns.FaultOf(pattern) is { } fault)
                {
                    yield return $"{key}:Domain: \"{pattern}\": {fault}";
                    continue;
                }
                var earlier = seen.FindIndex(s => RoutePatterns.Covers(s.Pattern, pattern));
                if (earlier >= 0)
                {
                    covered++;
                    by = seen[earlier].Rule;
                }
            }
            if (covered > 0 && covered == patterns.Count)
                yield return $"{key}: can never match, since rule {by} (counted from 0) matches the same domains "
                    + "before it; move it up or remove it";
            seen.AddRange(patterns.Select(p => (p, i)));
        }
    }

    /// <summary>Attributes of one object; the framework's own check doesn't go into arrays.</summary>
    private static List<string> RangeFaults(string key, object options)
    {
        var faults = new List<ValidationResult>();
        Validator.TryValidateObject(options, new ValidationContext(options), faults, validateAllProperties: true);
        return [.. faults.Select(f => $"{key}:{string.Join(',', f.MemberNames)}: {f.ErrorMessage}")];
    }

    private static IEnumerable<string> TargetFaults(string key, RouteRuleOptions rule, List<string>? services)
    {
        if (rule.Mx && rule.Service.Length > 0)
            yield return $"{key}: has both Service and Mx; remove one";
        else if (!rule.Mx && rule.Service.Length == 0)
            yield return $"{key}:Service: is missing; name a service of Holdfast:Topology:Sites, or set Mx to true";
        else if (!rule.Mx && services is not null
            && !services.Contains(rule.Service, StringComparer.OrdinalIgnoreCase))
        {
            yield return services.Count == 0
                ? $"{key}:Service: there is no service \"{rule.Service}\"; Holdfast:Topology:Sites is empty, add a site"
                : $"{key}:Service: there is no service \"{rule.Service}\" in Holdfast:Topology:Sites; there is "
                    + string.Join(", ", services);
        }
    }

    private static IEnumerable<string> TlsFaults(string key, RouteRuleOptions rule)
    {
        if (!Enum.IsDefined(rule.Tls))
            yield return $"{key}:Tls: must be None, Opportunistic or Required";
        if (!Enum.IsDefined(rule.Profile))
            yield return $"{key}:Profile: must be None or ExchangeOnline";
        if (rule.Tls != TlsMode.Required && (rule.TlsNames.Length > 0 || rule.TlsPins.Length > 0))
            yield return $"{key}:Tls: names or pins hold nobody off unless TLS is required; set Tls to Required";
        for (var i = 0; i < rule.TlsPins.Length; i++)
        {
            if (!RouteTable.TryReadPin(rule.TlsPins[i], out _))
                yield return $"{key}:TlsPins:{i}: is not a SHA-256 in hex (64 digits) or base64 (44 characters)";
        }
        for (var i = 0; i < rule.TlsNames.Length; i++)
        {
            if (RoutePatterns.FaultOf(RoutePatterns.Normalize(rule.TlsNames[i])) is { } fault)
                yield return $"{key}:TlsNames:{i}: \"{rule.TlsNames[i]}\": {fault}";
        }
    }

    private static readonly System.Buffers.SearchValues<char> NameCharacters = System.Buffers.SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
}
