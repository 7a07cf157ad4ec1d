namespace Holdfast.Traffic.Health;

/// <summary>How far a failure reaches. Ordered from the narrowest to the widest.</summary>
public enum FailureScope : byte
{
    /// <summary>No failure.</summary>
    None = 0,
    /// <summary>This recipient only (mailbox full, unknown user, `432 4.3.2`).</summary>
    Recipient = 1,
    /// <summary>This message only (size, content, policy).</summary>
    Message = 2,
    /// <summary>Our source address (`451 4.7.500`): another egress may cure it, another region does not.</summary>
    SourceAddress = 3,
    /// <summary>One address:port of a site.</summary>
    Target = 4,
    /// <summary>The whole site (`451 4.3.2` at MAIL, RCPT or DATA across senders).</summary>
    Site = 5,
    /// <summary>The route: no site of it can take this.</summary>
    Route = 6,
    /// <summary>A 4yz that no row of the table explains: counts against the target only when at least three distinct
    /// recipients and senders saw it.</summary>
    Unclassified = 7,
}
