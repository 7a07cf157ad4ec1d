using System.Buffers;
using Holdfast.Web.Accept;
using Microsoft.Extensions.Options;

namespace Holdfast.Web.Select;

/// <summary>Attributes of the section.</summary>
[OptionsValidator]
internal sealed partial class SelectAttributes : IValidateOptions<SelectOptions>;

/// <summary>Attributes of the section and the rules between its values. Whether services exist is the caller's to
/// compare.</summary>
internal sealed class SelectOptionsValidator : IValidateOptions<SelectOptions>
{
    /// <summary>More routes than this are a generated file gone wrong.</summary>
    public const int RoutesMax = 10_000;
    private static readonly SearchValues<char> s_cookieName = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");
    private readonly SelectAttributes _attributes = new();

    public ValidateOptionsResult Validate(string? name, SelectOptions options)
    {
        var faults = new List<string>(_attributes.Validate(name, options).Failures ?? []);
        if (options.Routes.Length > RoutesMax)
            faults.Add($"Routes: {options.Routes.Length} routes; at most {RoutesMax} are taken.");
        CheckClasses(options, faults);
        (string Key, string Name)[] headers = [("PriorityHeader", options.PriorityHeader),
            ("UserHeader", options.UserHeader), ("ClassHeader", options.ClassHeader),
            ("DeadlineHeader", options.DeadlineHeader)];
        foreach (var (key, header) in headers)
        {
            if (header.Length > 0 && !FieldName.IsValid(header))
                faults.Add($"{key}: \"{header}\" is no name of a header field; use letters, digits and -.");
        }
        var seen = new HashSet<(string, string)>();
        for (var i = 0; i < options.Routes.Length && i < RoutesMax; i++)
        {
            var route = options.Routes[i];
            if (!HostPattern.IsValid(route.Host))
            {
                faults.Add($"Routes:{i}:Host: \"{route.Host}\" is not a host; write store.example, "
                    + "*.store.example or *, without a port.");
            }
            // RFC 6265 §4.1.1: a token; of those the ones that need no care anywhere.
            if (route.AffinityCookie.AsSpan().ContainsAnyExcept(s_cookieName))
            {
                faults.Add($"Routes:{i}:AffinityCookie: \"{route.AffinityCookie}\" is no name of a cookie; use "
                    + "letters, digits, dots, - and _.");
            }
            else if (route.AffinityCookie.Length > 0
                && (route.Path.Contains(';') || route.Path.AsSpan().ContainsAnyExceptInRange('!', '~')))
            {
                faults.Add($"Routes:{i}:AffinityCookie: a cookie can't be bound to the path \"{route.Path}\"; leave it "
                    + "out, or choose a path of visible ASCII without semicolons.");
            }
            if (route.Path is not ['/', ..] || route.Path.AsSpan().IndexOfAny("?#* ") >= 0)
                faults.Add($"Routes:{i}:Path: \"{route.Path}\" is not a path; write / or /below/this.");
            else if (!seen.Add((route.Host.ToUpperInvariant(), HostPattern.TrimPath(route.Path))))
                faults.Add($"Routes:{i}:Path: {route.Host}{route.Path} has a route already; remove one.");
        }
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults.Distinct());
    }

    private static void CheckClasses(SelectOptions options, List<string> faults)
    {
        if (options.Classes.Length > UserClasses.ClassesMax)
            faults.Add($"Classes: {options.Classes.Length} classes; at most {UserClasses.ClassesMax} are taken.");
        if (options.Classes.Length > 0 && options.ClassHeader.Length == 0)
        {
            faults.Add("ClassHeader: there are Classes and no header that says them; name one that a trusted proxy "
                + "sets.");
        }
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < options.Classes.Length && i < UserClasses.ClassesMax; i++)
        {
            var name = options.Classes[i].Name;
            if (name.AsSpan().ContainsAny(", \t"))
                faults.Add($"Classes:{i}:Name: \"{name}\" can't be said in a list; leave out commas and spaces.");
            else if (name.Length > 0 && !names.Add(name))
                faults.Add($"Classes:{i}:Name: \"{name}\" is there twice; remove one.");
        }
    }
}
