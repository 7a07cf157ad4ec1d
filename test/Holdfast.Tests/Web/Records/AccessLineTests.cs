using System.Buffers;
using System.Net;
using System.Text;
using System.Text.Json;
using CsCheck;
using Holdfast.Traffic.Balance;
using Holdfast.Web.Records;

namespace Holdfast.Tests.Web.Records;

public sealed class AccessLineTests
{
    private static readonly DateTimeOffset s_at = new(2026, 1, 22, 19, 30, 0, TimeSpan.Zero);

    private static string Written(AccessRecord record)
    {
        using var line = new AccessLine();
        var buffer = new ArrayBufferWriter<byte>();
        line.Write(record, buffer);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    [Fact]
    public void Everything_that_is_known_stands_in_the_line() => Assert.Equal(
        "{\"time\":\"2026-01-22T19:30:00Z\",\"listener\":\"web\",\"client\":\"2001:db8::1\",\"method\":\"GET\","
        + "\"host\":\"store.example\",\"path\":\"/a b\",\"protocol\":\"HTTP/2\",\"status\":200,"
        + "\"outcome\":\"answered\",\"in\":0,\"out\":1234,\"queued_ms\":0.5,\"first_byte_ms\":12,\"took_ms\":13.25,"
        + "\"priority\":2,\"operation\":\"read\",\"service\":\"store\",\"site\":\"web-na\",\"target\":\"192.0.2.1:80\","
        + "\"attempts\":2,\"hedge\":\"won\",\"trace\":\"0af7651916cd43dd8448eb211c80319c\"}\n",
        Written(new AccessRecord
        {
            At = s_at, Listener = "web", Client = IPAddress.Parse("2001:db8::1"), Method = "GET", Host = "store.example",
            Path = "/a b", Protocol = "HTTP/2", Status = 200, Outcome = "answered", BytesIn = 0, BytesOut = 1234,
            Queued = TimeSpan.FromMilliseconds(0.5), FirstByte = TimeSpan.FromMilliseconds(12),
            Took = TimeSpan.FromMilliseconds(13.25), Priority = 2, Operation = OperationClass.Read, Service = "store",
            Site = "web-na", Target = "192.0.2.1:80", Attempts = 2, Hedge = "won",
            Trace = "0af7651916cd43dd8448eb211c80319c",
        }));

    [Fact]
    public void What_does_not_apply_is_left_out() => Assert.Equal(
        "{\"time\":\"2026-01-22T19:30:00Z\",\"method\":\"GET\",\"status\":400,\"outcome\":\"malformed\",\"took_ms\":0}\n",
        Written(new AccessRecord { At = s_at, Method = "GET", Status = 400, Outcome = "malformed" }));

    [Fact]
    public void Whatever_a_client_chose_is_one_bounded_line_that_reads_back() =>
        Gen.Select(Text(3000), Text(3000), Text(3000)).Sample((method, host, path) =>
        {
            var line = Written(new AccessRecord
            {
                At = s_at, Method = method, Host = host, Path = path, Status = 200, Outcome = "answered",
            });
            Assert.Equal(line.Length - 1, line.IndexOf('\n', StringComparison.Ordinal));
            Assert.InRange(line.Length, 1, 6 * (2 * 256 + 2049) + 200);
            var read = JsonDocument.Parse(line).RootElement;
            Assert.StartsWith(read.GetProperty("path").GetString()!.TrimEnd('…'), path, StringComparison.Ordinal);
            Assert.Equal(path.Length <= 2048, read.GetProperty("path").GetString() == path);
        });

    [Fact]
    public void A_character_of_two_halves_is_not_cut_in_two()
    {
        var path = new string('a', 2047) + "😀";
        Assert.Contains("\"path\":\"" + new string('a', 2047) + "…\"", Written(new AccessRecord
        {
            At = s_at, Method = "GET", Path = path, Outcome = "answered",
        }), StringComparison.Ordinal);
    }

    /// <summary>Text that is well-formed UTF-16, as the server makes it.</summary>
    private static Gen<string> Text(int max) => Gen.Char.Array[0, max].Select(cs =>
        string.Concat(cs.Where(c => !char.IsSurrogate(c))));
}
