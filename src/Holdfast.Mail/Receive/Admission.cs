using Holdfast.Mail.Spool;

namespace Holdfast.Mail.Receive;

/// <summary>Why a message isn't taken now.</summary>
internal enum ShedReason : byte
{
    None = 0,
    /// <summary>451 4.3.2: its priority is too low for the pressure that the spool is under.</summary>
    Pressure = 1,
    /// <summary>452 4.3.1: no disk space.</summary>
    OutOfSpace = 2,
    /// <summary>451 4.3.0: writes fail.</summary>
    Failed = 3,
}

/// <summary>Decides before DATA, where it is cheap, whether a message of a priority can be taken.</summary>
internal static class Admission
{
    /// <summary>Lowest importance (highest number) that is still taken under <see cref="SpoolPressure.Elevated"/>.
    /// </summary>
    public const byte ElevatedPriorityMax = 3;

    public static ShedReason Check(SpoolPressure pressure, byte priority) => pressure switch
    {
        SpoolPressure.None => ShedReason.None,
        SpoolPressure.Elevated => priority > ElevatedPriorityMax ? ShedReason.Pressure : ShedReason.None,
        SpoolPressure.High => priority > 0 ? ShedReason.Pressure : ShedReason.None,
        SpoolPressure.OutOfSpace => ShedReason.OutOfSpace,
        _ => ShedReason.Failed,
    };
}
