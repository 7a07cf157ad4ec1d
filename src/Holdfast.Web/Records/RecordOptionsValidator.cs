using Microsoft.Extensions.Options;

namespace Holdfast.Web.Records;

/// <summary>Attributes of the section.</summary>
[OptionsValidator]
internal sealed partial class RecordOptionsValidator : IValidateOptions<RecordOptions>;
