using Microsoft.Extensions.Options;

namespace Holdfast.Mail.Spool;

/// <summary>Rules between the spool's options, beyond each one's own range.</summary>
public sealed class SpoolOptionsValidator : IValidateOptions<SpoolOptions>
{
    public ValidateOptionsResult Validate(string? name, SpoolOptions options)
    {
        var faults = new List<string>();
        if (options.BodyMemoryBytes < 16L * options.InlineBytes)
            faults.Add($"{SpoolOptions.Section}:BodyMemoryBytes ({options.BodyMemoryBytes}) must be at least 16 × "
                + $"InlineBytesMax ({options.InlineBytes}): raise it or lower InlineBytesMax.");
        if (options.DiskReserveBytes < 2L * options.SegmentBytes)
            faults.Add($"{SpoolOptions.Section}:DiskReserveBytes ({options.DiskReserveBytes}) must hold two segments "
                + $"(SegmentBytes is {options.SegmentBytes}): raise it or lower SegmentBytes.");
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }
}
