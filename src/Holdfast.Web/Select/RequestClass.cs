using System.Globalization;
using System.Net;
using Holdfast.Traffic.Balance;

namespace Holdfast.Web.Select;

/// <summary>What the engine must know of a request before it can be placed.</summary>
/// <param name="Cohort">Hash of user and hour.</param>
/// <param name="Deadline">When its answer must have begun, on the board's clock; never for streams.</param>
/// <param name="IsHurried">The client chose the deadline: its passing says nothing of the target.</param>
internal readonly record struct RequestClass(
    byte Priority, uint Cohort, OperationClass Operation, TimeSpan Deadline, bool IsHurried = false)
{
    private const uint FnvOffset = 2166136261;
    private const uint FnvPrime = 16777619;

    /// <summary>Reads by the method's definition (RFC 9110 §9.2.1: safe methods).</summary>
    public static OperationClass OperationOf(string method, WebOperation route, bool isStream) => isStream
        ? OperationClass.Stream : route switch
        {
            WebOperation.Read => OperationClass.Read,
            WebOperation.Write => OperationClass.Write,
            WebOperation.Stream => OperationClass.Stream,
            _ => IsSafe(method) ? OperationClass.Read : OperationClass.Write,
        };

    private static bool IsSafe(string method) => method is "GET" or "HEAD" or "OPTIONS" or "TRACE";

    /// <summary>One digit from 0 to 5; anything else is not believed.</summary>
    public static byte PriorityFrom(string? header, byte otherwise) =>
        header is [>= '0' and <= '5'] ? (byte)(header[0] - '0') : otherwise;

    /// <summary>How long a client waits: milliseconds, or a number with the units of gRPC's <c>grpc-timeout</c> (H, M,
    /// S, m, u, n); at most eight digits, as there. Never more than the route gives; what can't be read counts for
    /// nothing.</summary>
    public static TimeSpan DeadlineFrom(string? header, TimeSpan route)
    {
        if (header is not { Length: > 0 and <= 9 })
            return route;
        var isBare = char.IsAsciiDigit(header[^1]);
        var digits = isBare ? header.AsSpan() : header.AsSpan(0, header.Length - 1);
        if (digits.Length is 0 or > 8 || digits.ContainsAnyExceptInRange('0', '9'))
            return route;
        long? ticksEach = isBare ? TimeSpan.TicksPerMillisecond : header[^1] switch
        {
            'H' => TimeSpan.TicksPerHour,
            'M' => TimeSpan.TicksPerMinute,
            'S' => TimeSpan.TicksPerSecond,
            'm' => TimeSpan.TicksPerMillisecond,
            'u' => TimeSpan.TicksPerMicrosecond,
            'n' => 0,
            _ => null,
        };
        if (ticksEach is not { } each)
            return route;
        var number = long.Parse(digits, CultureInfo.InvariantCulture);
        var asked = TimeSpan.FromTicks(each == 0 ? number / TimeSpan.NanosecondsPerTick : number * each);
        return asked < route ? asked : route;
    }

    /// <summary>The same for a user during an hour, another in the next: nobody is always the one who is shed.
    /// </summary>
    public static uint CohortOf(string user, long hour)
    {
        var hash = FnvOffset;
        foreach (var c in user)
            hash = (hash ^ c) * FnvPrime;
        return Mix(hash ^ (uint)hour * FnvPrime);
    }

    public static uint CohortOf(IPAddress? address, long hour)
    {
        var hash = FnvOffset;
        if (address is not null)
        {
            Span<byte> bytes = stackalloc byte[16];
            address.TryWriteBytes(bytes, out var length);
            // A home has a whole /64: its addresses are one user.
            foreach (var b in bytes[..Math.Min(length, length == 16 && !address.IsIPv4MappedToIPv6 ? 8 : 16)])
                hash = (hash ^ b) * FnvPrime;
        }
        return Mix(hash ^ (uint)hour * FnvPrime);
    }

    /// <summary>Finisher of MurmurHash3: neighbouring addresses land in cohorts far apart.</summary>
    private static uint Mix(uint hash)
    {
        hash ^= hash >> 16;
        hash *= 0x85EBCA6B;
        hash ^= hash >> 13;
        hash *= 0xC2B2AE35;
        return hash ^ hash >> 16;
    }
}
