using System.Globalization;
using System.Text;
using Holdfast.Mail.Spool;

namespace Holdfast.Tests.Mail.Receive;

/// <summary>Whole sessions as they stand in test/corpora/sessions, our replies beside what the client says.</summary>
/// <remarks>
/// A line each: <c># what it shows</c>, <c>@ listener [client's address]</c> opens a connection, <c>C: </c> a line of the
/// client's (lines with no reply between them are sent together), <c>C&gt; </c> the same without a line end, <c>S: </c> a
/// line of ours ("(closed)": we closed), <c>= </c> what was stored since the line before. Escapes: \r \n \0 \\ \xHH.
/// To write a new one, put <c>S: ?</c> where a reply is due and run once with UPDATE_SNAPSHOTS=1.
/// </remarks>
public class SessionTranscriptTests
{
    private const string Folder = "test/corpora/sessions";

    public static TheoryData<string> Names =>
        [.. Directory.GetFiles(Path.Combine(Golden.Root, Folder), "*.txt").Select(f => Path.GetFileName(f)!).Order()];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_session_goes_as_it_stands_in_the_corpus(string name)
    {
        var path = $"{Folder}/{name}";
        var actual = await PlayAsync(await File.ReadAllLinesAsync(Path.Combine(Golden.Root, path)));
        Golden.Matches(path, actual);
    }

    private static async Task<string> PlayAsync(string[] lines)
    {
        await using var bench = await ReceiveBench.StartAsync();
        var played = new StringBuilder();
        var pending = new StringBuilder();
        Conversation? client = null;
        var stored = 0;
        foreach (var line in lines)
        {
            var text = line.Length > 3 ? line[3..] : "";
            if (line.StartsWith("S: ", StringComparison.Ordinal))
            {
                // Only the last line of one asks for a reply: the lines before it come with it.
                if (text.Length > 3 && text[3] == '-')
                    continue;
                await client!.SendAsync(pending.ToString());
                pending.Clear();
                var reply = await client.ReadReplyAsync();
                foreach (var part in (reply.Length == 0 ? "(closed)" : reply).Split('\n'))
                    played.Append("S: ").Append(part).Append('\n');
                continue;
            }
            if (line.StartsWith("= ", StringComparison.Ordinal))
            {
                var messages = bench.Spool.Messages.ToList();
                played.Append("= ").Append(Describe(messages.Skip(stored))).Append('\n');
                stored = messages.Count;
                continue;
            }
            played.Append(line).Append('\n');
            if (line.StartsWith("@ ", StringComparison.Ordinal))
            {
                var words = line[2..].Split(' ');
                client = bench.Open(words[0] switch
                {
                    "inbound" => ReceiveBench.Inbound, "submission" => ReceiveBench.Submission, _ => ReceiveBench.Relay,
                }, words.Length > 1 ? words[1] : "127.0.0.1");
            }
            else if (line.StartsWith("C: ", StringComparison.Ordinal) || line == "C:")
            {
                pending.Append(Unescape(text)).Append("\r\n");
            }
            else if (line.StartsWith("C> ", StringComparison.Ordinal))
            {
                pending.Append(Unescape(text));
            }
        }
        Assert.Equal(0, bench.Spool.DraftsOpen);
        Assert.Equal(stored, bench.Spool.Messages.Count);
        return played.ToString();
    }

    private static string Describe(IEnumerable<(Envelope Envelope, byte[] Content)> messages)
    {
        var text = string.Join("; ", messages.Select(m => $"<{m.Envelope.Sender}> to "
            + string.Join(' ', m.Envelope.Recipients.Select(r => $"<{r.Address}>"))
            + (m.Envelope.AuthenticatedAs is { } user ? " as " + user : "")));
        return text.Length > 0 ? text : "nothing stored";
    }

    private static string Unescape(string text)
    {
        var plain = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\')
            {
                plain.Append(text[i]);
                continue;
            }
            plain.Append(text[++i] switch
            {
                'r' => '\r', 'n' => '\n', '0' => '\0', '\\' => '\\',
                'x' => (char)int.Parse(text.AsSpan((i += 2) - 1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture),
                var other => throw new FormatException($"unknown escape \\{other}"),
            });
        }
        return plain.ToString();
    }
}
