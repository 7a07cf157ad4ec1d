namespace Holdfast.Mail.Spool;

/// <summary>Kinds of the spool's records in the segment log. Stored on disk: never renumber.</summary>
internal enum SpoolRecordKind : byte
{
    None = 0,
    /// <summary>A message: head, envelope, content.</summary>
    Message = 1,
    /// <summary>A message whose content stands in a file of its own, already durable.</summary>
    MessageWithBodyFile = 2,
    /// <summary>The progress just before a final dot, with the recipients of the attempt marked open.</summary>
    Attempt = 3,
    /// <summary>A message's whole progress; the highest version wins.</summary>
    Progress = 4,
    /// <summary>The message has ended: every recipient is final.</summary>
    Done = 5,
    /// <summary>A copy that compaction made of a Message or MessageWithBodyFile.</summary>
    Moved = 6,
    /// <summary>Means nothing; written to learn whether the log can write again.</summary>
    Probe = 7,
}
