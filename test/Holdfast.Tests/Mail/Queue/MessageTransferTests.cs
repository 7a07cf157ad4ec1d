using System.Text;
using CsCheck;
using Holdfast.Mail;
using Holdfast.Mail.Queue;
using Holdfast.Mail.Spool;
using Holdfast.Storage.Journal;

namespace Holdfast.Tests.Mail.Queue;

public sealed class MessageTransferTests : IDisposable
{
    private readonly QueueFixture _queue = new();

    public void Dispose() => _queue.Dispose();

    private async Task<byte[]> Export(SpooledMessage message)
    {
        using var file = new MemoryStream();
        Assert.True(await _queue.Desk.ExportAsync(message.Envelope.Id, file, "op", QueueFixture.Abort));
        return file.ToArray();
    }

    private async Task<SpooledMessage> Import(byte[] file)
    {
        var id = await _queue.Desk.ImportAsync(new MemoryStream(file), "op", QueueFixture.Abort);
        Assert.True(_queue.Spool.TryFind(id, out var handle));
        return (await _queue.Spool.LoadAsync(handle, QueueFixture.Abort))!;
    }

    private async Task<string> Refusal(string file) =>
        (await Assert.ThrowsAsync<InvalidDataException>(() => Import(Encoding.Latin1.GetBytes(file)))).Message;

    private async Task<string> File(Func<string, string>? change = null, string content = "Subject: x\r\n\r\n.hi\r\n")
    {
        var text = Encoding.Latin1.GetString(await Export(
            _queue.Add("anna@example.org", ["bob@example.com", "carl@example.net"], content: content)));
        return change is null ? text : change(text);
    }

    [Fact]
    public async Task An_exported_message_comes_in_under_a_new_id_with_its_envelope_and_content()
    {
        var message = _queue.Add("anna@example.org", ["bob@example.com"], content: "Subject: x\r\n\r\n.hi\r\n");
        var back = await Import(await Export(message));
        Assert.NotEqual(message.Envelope.Id, back.Envelope.Id);
        Assert.Equal(message.Envelope.Sender, back.Envelope.Sender);
        Assert.Equal(message.Envelope.Recipients, back.Envelope.Recipients);
        Assert.Equal(message.Envelope.SizeBytes, back.Envelope.SizeBytes);
        Assert.Equal(ContentTraits.HasLeadingDot, back.Envelope.Traits);
        Assert.Equal(_queue.Time.GetUtcNow(), back.Envelope.ReceivedAt);
        var content = await _queue.Spool.OpenContentAsync(back, QueueFixture.Abort);
        Assert.True(content!.TryGetAll(out var all));
        Assert.Equal("Subject: x\r\n\r\n.hi\r\n", Encoding.ASCII.GetString(all));
        var record = Assert.Single(_queue.Journal.Records, r => r.Kind == EvidenceKind.Accepted);
        Assert.Contains($"exported as {message.Envelope.Id}", record.Reason, StringComparison.Ordinal);
        Assert.Equal("op", record.Actor);
    }

    [Fact]
    public async Task Who_exported_a_message_is_in_the_evidence()
    {
        var message = _queue.Add("anna@example.org", ["bob@example.com"], content: "Subject: x\r\n\r\nhi\r\n");
        await Export(message);
        var record = Assert.Single(_queue.Journal.Records, r => r.Kind == EvidenceKind.OperatorAct);
        Assert.Equal("op", record.Actor);
        Assert.Equal(message.Envelope.Id.ToString(), record.MessageId);
    }

    [Fact]
    public async Task Recipients_that_are_done_stay_out_and_a_hold_stays_behind()
    {
        var message = _queue.Add("a@example.org", ["done@example.com", "waits@example.com", "unknown@example.com"], p =>
        {
            p.IsHeld = true;
            p.Recipients[0].State = RecipientState.Delivered;
            p.Recipients[2].State = RecipientState.OutcomeUnknown;
        });
        var back = await Import(await Export(message));
        Assert.Equal(["waits@example.com", "unknown@example.com"], back.Envelope.Recipients.Select(r => r.Address));
        Assert.False(back.Progress.IsHeld);
    }

    [Fact]
    public async Task The_null_sender_and_empty_content_survive()
    {
        var back = await Import(await Export(_queue.Add("", ["bob@example.com"], content: "")));
        Assert.Equal(("", 0L), (back.Envelope.Sender, back.Envelope.SizeBytes));
    }

    [Fact]
    public async Task What_was_cut_changed_or_lengthened_is_refused()
    {
        var file = await File();
        var before = _queue.Spool.WaitingCount;
        Assert.Contains("SHA-256", await Refusal(file.Replace(".hi", ".ho", StringComparison.Ordinal)),
            StringComparison.Ordinal);
        Assert.Contains("longer", await Refusal(file.Replace(".hi", ".hiii", StringComparison.Ordinal)),
            StringComparison.Ordinal);
        for (var length = 0; length < file.Length - 1; length++)
            await Refusal(file[..length]);
        Assert.Equal(before, _queue.Spool.WaitingCount);
    }

    [Fact]
    public async Task What_smtp_could_not_have_carried_is_refused()
    {
        Assert.Contains("CR or LF", await Refusal(await File(content: "a\nb\r\n")), StringComparison.Ordinal);
        Assert.Contains("CR or LF", await Refusal(await File(content: "a\rb\r\n")), StringComparison.Ordinal);
        Assert.Contains("CR or LF", await Refusal(await File(content: "a\r\nb\r")), StringComparison.Ordinal);
        Assert.Contains("recipient is no address", await Refusal(await File(f =>
            f.Replace("bob@example.com", "b\\r\\nDATA@example.com", StringComparison.Ordinal))),
            StringComparison.Ordinal);
        Assert.Contains("sender is no address", await Refusal(await File(f =>
            f.Replace("anna@example.org", "anna", StringComparison.Ordinal))), StringComparison.Ordinal);
        Assert.Contains("version", await Refusal(await File(f =>
            f.Replace("\"version\":1", "\"version\":2", StringComparison.Ordinal))), StringComparison.Ordinal);
        Assert.Contains("no JSON", await Refusal("hello\nthere\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_full_spool_takes_nothing_in()
    {
        var file = await File();
        _queue.Spool.NoticeResult = AppendResult.OutOfSpace;
        await Assert.ThrowsAsync<IOException>(() => Import(Encoding.Latin1.GetBytes(file)));
    }

    [Fact]
    public async Task Arbitrary_bytes_are_refused_and_nothing_else_happens()
    {
        var file = Encoding.Latin1.GetBytes(await File());
        await Gen.Select(Gen.Byte.Array[0, 200], Gen.Int[0, file.Length - 1], Gen.Byte).SampleAsync(async (noise, at, b) =>
        {
            await Assert.ThrowsAsync<InvalidDataException>(() => Import(noise));
            var flipped = (byte[])file.Clone();
            flipped[at] = b;
            try
            {
                await Import(flipped);
            }
            catch (InvalidDataException)
            {
            }
        }, iter: 300, threads: 1);
    }

    [Fact]
    public async Task A_message_that_is_not_waiting_is_not_exported() =>
        Assert.False(await _queue.Desk.ExportAsync(default, Stream.Null, "op", QueueFixture.Abort));

    [Theory]
    [InlineData("a\r\nb", "a  b")]
    [InlineData("a\u007fb\u0085", "a b ")]
    [InlineData("1234567", "1234567")]
    [InlineData("12345678", "1234567")]
    [InlineData("123456\ud83d\ude00", "123456")]
    public void Texts_of_a_file_are_cut_and_cleaned_to_one_line(string text, string expected) =>
        Assert.Equal(expected, ExportedForm.OneLine(text, 7));

    [Theory]
    [InlineData("a\r\n.b\r\n", ContentTraits.HasLeadingDot)]
    [InlineData("\0.\r\n", ContentTraits.HasLongLine)]
    public void A_leading_dot_is_the_first_octet_of_its_line(string content, ContentTraits traits)
    {
        var scan = new ContentScan();
        scan.Add(Encoding.Latin1.GetBytes(content));
        Assert.Equal(traits, scan.Traits);
    }

    [Fact]
    public void Traits_are_found_whatever_the_blocks()
    {
        var letters = "a.\r\n\0é"u8.ToArray();
        Gen.Select(Gen.Int[0, letters.Length - 1].Array[0, 40], Gen.Int[1, 7]).Sample((picks, block) =>
        {
            var content = picks.Select(i => letters[i]).ToArray();
            var whole = new ContentScan();
            whole.Add(content);
            var parts = new ContentScan();
            foreach (var part in content.Chunk(block))
                parts.Add(part);
            Assert.Equal((whole.Traits, whole.HasBareNewline), (parts.Traits, parts.HasBareNewline));
            var text = Encoding.Latin1.GetString(content).Replace("\r\n", "", StringComparison.Ordinal);
            Assert.Equal(text.AsSpan().IndexOfAny("\r\n") >= 0, whole.HasBareNewline);
        });
    }
}
