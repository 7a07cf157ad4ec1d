using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;
using MimeKit;

namespace Holdfast.Mail.Deliver;

/// <summary>Checks ranges and what must hold between waits.</summary>
public sealed class RetryOptionsValidator : IValidateOptions<RetryOptions>
{
    public ValidateOptionsResult Validate(string? name, RetryOptions options)
    {
        var faults = OptionFaults.Of(RetryOptions.Section, options);
        if (options.RetryDelayMin > options.RetryDelayMax)
            faults.Add($"{RetryOptions.Section}:RetryDelayMin ({options.RetryDelayMin}) is longer than RetryDelayMax "
                + $"({options.RetryDelayMax}): lower it, or raise RetryDelayMax.");
        if (options.RetryDelayFirst > options.RetryDelayMax)
            faults.Add($"{RetryOptions.Section}:RetryDelayFirst ({options.RetryDelayFirst}) is longer than "
                + $"RetryDelayMax ({options.RetryDelayMax}): lower it, or raise RetryDelayMax.");
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }
}

/// <summary>Checks ranges.</summary>
public sealed class PaceOptionsValidator : IValidateOptions<PaceOptions>
{
    public ValidateOptionsResult Validate(string? name, PaceOptions options)
    {
        var faults = OptionFaults.Of(PaceOptions.Section, options);
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }
}

/// <summary>Checks ranges and the address.</summary>
public sealed class NoticeOptionsValidator : IValidateOptions<NoticeOptions>
{
    public ValidateOptionsResult Validate(string? name, NoticeOptions options)
    {
        var faults = OptionFaults.Of(NoticeOptions.Section, options);
        if (options.FromAddress.Length > 0 && (!options.FromAddress.Contains('@', StringComparison.Ordinal)
            || !MailboxAddress.TryParse(options.FromAddress, out _)))
            faults.Add($"{NoticeOptions.Section}:FromAddress: \"{options.FromAddress}\" is not an address: give one "
                + "such as postmaster@example.com, or leave it empty.");
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }
}

/// <summary>The faults that attributes find, with the key in front.</summary>
internal static class OptionFaults
{
    public static List<string> Of(string section, object options)
    {
        var faults = new List<ValidationResult>();
        Validator.TryValidateObject(options, new ValidationContext(options), faults, validateAllProperties: true);
        return [.. faults.Select(f => $"{section}:{string.Join(',', f.MemberNames)}: {f.ErrorMessage}")];
    }
}
