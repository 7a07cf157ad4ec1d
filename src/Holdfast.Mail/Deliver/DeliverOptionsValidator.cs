using Microsoft.Extensions.Options;

namespace Holdfast.Mail.Deliver;

/// <summary>Checks ranges and what must hold between options.</summary>
internal sealed class DeliverOptionsValidator : IValidateOptions<DeliverOptions>
{
    public ValidateOptionsResult Validate(string? name, DeliverOptions options)
    {
        var faults = new List<string>();
        var ranges = new List<System.ComponentModel.DataAnnotations.ValidationResult>();
        System.ComponentModel.DataAnnotations.Validator.TryValidateObject(options,
            new System.ComponentModel.DataAnnotations.ValidationContext(options), ranges, validateAllProperties: true);
        foreach (var fault in ranges)
            faults.Add($"{DeliverOptions.Section}: {fault.ErrorMessage}");
        if (options.RetryForMax < options.RetryFor)
            faults.Add($"{DeliverOptions.Section}:RetryForMax ({options.RetryForMax}) is shorter than RetryFor "
                + $"({options.RetryFor}): raise RetryForMax, or lower RetryFor.");
        if (options.DelayNoticeAfter >= options.RetryForMax)
            faults.Add($"{DeliverOptions.Section}:DelayNoticeAfter ({options.DelayNoticeAfter}) would never come "
                + "before RetryForMax: lower it, or set it to 00:00:00 for no delay notices.");
        if (options.HelloName.Length > 255 || options.HelloName.AsSpan().ContainsAnyExceptInRange('!', '~'))
            faults.Add($"{DeliverOptions.Section}:HelloName must be a host name or an address literal of at most 255 "
                + "printable ASCII characters: it goes into EHLO as it stands.");
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }
}
