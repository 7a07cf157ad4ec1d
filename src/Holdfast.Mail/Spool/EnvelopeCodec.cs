namespace Holdfast.Mail.Spool;

/// <summary>Envelope and fixed head of a message record as compact binary.</summary>
/// <remarks>Hot path: one rented buffer, no reflection, no look-ups. Decoding takes any bytes without throwing.
/// </remarks>
internal static class EnvelopeCodec
{
    private const byte FormatVersion = 1;

    /// <summary>Most recipients of one message; the table counts them in 16 bits.</summary>
    public const int RecipientsMax = ushort.MaxValue;

    /// <summary>Writes head and envelope; the content follows. The buffer is rented: the caller returns it.</summary>
    public static RecordWriter Encode(Envelope envelope, bool hasBodyFile, long contentBytes, uint bodyChecksum)
    {
        var writer = new RecordWriter(512);
        MessageHead.Write(ref writer, envelope, hasBodyFile, contentBytes, bodyChecksum);
        writer.Byte(FormatVersion);
        writer.Int64(envelope.ReceivedAt.UtcTicks);
        writer.Byte((byte)envelope.Body);
        writer.Byte(envelope.SmtpUtf8 ? (byte)1 : (byte)0);
        writer.Byte((byte)envelope.Return);
        writer.Byte((byte)envelope.Traits);
        writer.Text(envelope.Sender);
        writer.Text(envelope.EnvelopeId);
        writer.Text(envelope.Listener);
        writer.Text(envelope.ClientAddress);
        writer.Text(envelope.ClientHello);
        writer.Text(envelope.AuthenticatedAs);
        writer.Text(envelope.Tenant);
        var recipients = envelope.Recipients;
        for (var i = 0; i < recipients.Count; i++)
        {
            var recipient = recipients[i];
            writer.Text(recipient.Address);
            writer.Byte((byte)recipient.Notify);
            writer.Text(recipient.OriginalRecipient);
        }
        writer.PatchUInt32(MessageHead.EnvelopeBytesOffset, (uint)(writer.Length - MessageHead.Length));
        return writer;
    }

    /// <summary>Decodes head and envelope from a record's start; null when the bytes are none of ours.</summary>
    public static Envelope? TryDecode(ReadOnlySpan<byte> record, long recordBytes, out MessageHead head)
    {
        if (!MessageHead.TryRead(record, recordBytes, out head)
            || record.Length < MessageHead.Length + head.EnvelopeBytes)
            return null;
        var reader = new RecordReader(record.Slice(MessageHead.Length, (int)head.EnvelopeBytes));
        if (reader.Byte() != FormatVersion)
            return null;
        var receivedAt = reader.Instant();
        var body = (BodyKind)reader.Byte();
        var utf8 = reader.Byte() != 0;
        var @return = (DsnReturn)reader.Byte();
        var traits = (ContentTraits)reader.Byte();
        var sender = reader.RequiredText();
        var envelopeId = reader.Text();
        var listener = reader.RequiredText();
        var clientAddress = reader.RequiredText();
        var clientHello = reader.RequiredText();
        var authenticatedAs = reader.Text();
        var tenant = reader.RequiredText();
        // Three bytes are the least that a recipient takes: a count beyond that is a lie and allocates nothing.
        if (!reader.IsGood || head.RecipientCount > reader.Rest.Length / 3)
            return null;
        var recipients = new EnvelopeRecipient[head.RecipientCount];
        for (var i = 0; i < recipients.Length; i++)
            recipients[i] = new EnvelopeRecipient(reader.RequiredText(), (DsnNotify)reader.Byte(), reader.Text());
        if (!reader.IsGood || reader.Rest.Length != 0)
            return null;
        return new Envelope
        {
            Id = head.Id,
            ReceivedAt = receivedAt,
            Sender = sender,
            Recipients = recipients,
            Priority = head.Priority,
            Body = body,
            SmtpUtf8 = utf8,
            EnvelopeId = envelopeId,
            Return = @return,
            Listener = listener,
            ClientAddress = clientAddress,
            ClientHello = clientHello,
            AuthenticatedAs = authenticatedAs,
            Tenant = tenant,
            Traits = traits,
            SizeBytes = head.SizeBytes,
        };
    }
}
