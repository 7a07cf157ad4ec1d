using System.Text;
using Holdfast.Mail.Receive;

namespace Holdfast.Tests.Mail.Receive;

/// <summary>Files of domains, recipients and users.</summary>
public class OperatorFilesTests
{
    private static readonly string Hash = Convert.ToBase64String([1, .. new byte[60]]);

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    [Fact]
    public void A_domain_is_the_same_with_and_without_its_final_dot()
    {
        var list = DomainList.Parse(Bytes("example.org.\n.example.com.\n"));
        Assert.True(list.Contains("example.org"));
        Assert.True(list.Contains("example.org."));
        Assert.True(list.Contains("a.example.com"));
    }

    [Fact]
    public void A_byte_order_mark_before_blanks_or_a_comment_is_passed_over() =>
        Assert.Equal(1, DomainList.Parse(Bytes("\ufeff  # ours\nexample.org\n")).Count);

    [Theory]
    [InlineData("@@example.org")]
    [InlineData("@a@example.org")]
    [InlineData("ann")]
    [InlineData("ann@")]
    [InlineData("ann @example.org")]
    public void What_is_neither_an_address_nor_a_domain_is_no_entry(string line) => Assert.StartsWith("line 2: ",
        Assert.Throws<FormatException>(() => RecipientDirectory.Parse(Bytes("# ours\n" + line))).Message,
        StringComparison.Ordinal);

    [Theory]
    [InlineData("ann@:HASH")]
    [InlineData("{\"user\":\"ann\",\"hash\":\"HASH\",\"senders\":[\"ann\"]}")]
    [InlineData("{\"user\":\"ann\",\"hash\":\"HASH\",\"senders\":[null]}")]
    [InlineData("{\"user\":\"ann\",\"hash\":\"HASH\",\"senders\":[\"a@b\\nc@d\"]}")]
    public void A_bad_sender_is_a_fault_of_the_users_line(string line) => Assert.StartsWith("line 3: ",
        Assert.Throws<FormatException>(() => UserList.Parse(
            Bytes($"# people\nbob:{Hash}\n" + line.Replace("HASH", Hash, StringComparison.Ordinal)))).Message,
        StringComparison.Ordinal);
}
