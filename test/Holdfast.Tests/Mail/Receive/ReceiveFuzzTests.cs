using CsCheck;

namespace Holdfast.Tests.Mail.Receive;

public class ReceiveFuzzTests
{
    private static readonly string[] Words =
    [
        "EHLO c\r\n", "HELO c\r\n", "MAIL FROM:<a@example.org>\r\n", "MAIL FROM:<a@example.org> BODY=BINARYMIME\r\n",
        "RCPT TO:<b@example.com>\r\n", "DATA\r\n", ".\r\n", "\r\n.\r\n", "BDAT 3\r\n", "BDAT 2 LAST\r\n", "abc", "\n.\n", "\r",
        "RSET\r\n", "NOOP\r\n", "AUTH PLAIN\r\n", "STARTTLS\r\n", "XCLIENT ADDR=1.2.3.4\r\n", "*\r\n", "\0", "QUIT\r\n", "é",
    ];

    [Fact]
    public void Any_mixture_of_commands_and_noise_ends_cleanly_and_leaves_nothing_open()
    {
        Gen.Int[0, Words.Length - 1].Select(i => Words[i]).Array[1, 40].Sample(pieces => RunAsync(pieces).GetAwaiter().GetResult(), iter: 300,
            threads: 1);
    }

    [Fact]
    public void Any_bytes_end_cleanly()
    {
        Gen.Char['\0', 'ÿ'].Array[0, 300].Select(c => new string(c)).Array[1, 5]
            .Sample(pieces => RunAsync(pieces).GetAwaiter().GetResult(), iter: 200, threads: 1);
    }

    private static async Task RunAsync(string[] pieces)
    {
        await using var bench = await ReceiveBench.StartAsync();
        var client = bench.Open();
        foreach (var piece in pieces)
            await client.SendAsync(piece);
        await client.Connection.Client.Output.CompleteAsync();
        while ((await client.ReadReplyAsync()).Length > 0)
        {
            // every reply is a whole one, or ReadReplyAsync would not return
        }
        await client.Connection.Disposed.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.False(client.Connection.WasAborted);
        Assert.Equal(0, Volatile.Read(ref bench.Spool.DraftsOpen));
    }
}
