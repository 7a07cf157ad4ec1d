using Holdfast.Storage.Keys;
using Holdfast.Tests.Mail.Receive;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Storage.Keys;

/// <summary>Certificates whose files change while they are served.</summary>
public class ServerCertificateTests
{
    private static readonly (string Certificate, string Key) One = PemFiles.Make(90, "one.example");
    private static readonly (string Certificate, string Key) Other = PemFiles.Make(200, "other.example");
    private readonly FakeTimeProvider _time = new(PemFiles.Now);
    private readonly PemFiles.KeptLog _log = new();
    private readonly ReceiveBench.FilesDouble _files = new() { ["cert"] = One.Certificate, ["key"] = One.Key };

    private ServerCertificate Make() => new("cert", "key", _files, _time, _log);

    private static async Task LookAsync(ServerCertificate certificate, int times = 1)
    {
        for (var i = 0; i < times; i++)
            await certificate.RefreshAsync(TestContext.Current.CancellationToken);
    }

    private string[] Told(string words) => [.. _log.Lines.Where(l => l.Contains(words, StringComparison.Ordinal))];

    [Fact]
    public async Task A_pair_that_is_half_replaced_keeps_the_last_good_one_and_is_told_once()
    {
        var certificate = Make();
        await LookAsync(certificate);
        var before = certificate.Options;
        Assert.NotNull(before);
        _files["cert"] = Other.Certificate;
        await LookAsync(certificate, 5);
        Assert.Same(before, certificate.Options);
        Assert.Single(Told("the last good one goes on"));
        _files["key"] = Other.Key;
        await LookAsync(certificate);
        Assert.NotSame(before, certificate.Options);
        Assert.Equal(PemFiles.Now.AddDays(200), certificate.ValidUntil);
        Assert.Equal(2, Told("Took the certificate").Length);
    }

    [Fact]
    public async Task A_file_that_is_gone_keeps_the_last_good_one_and_is_told_once()
    {
        var certificate = Make();
        await LookAsync(certificate);
        _files.Remove("cert");
        await LookAsync(certificate, 5);
        Assert.NotNull(certificate.Options);
        Assert.Single(Told("was not taken over"));
    }

    [Fact]
    public async Task Files_that_do_not_change_are_read_once_and_handshakes_share_one_object()
    {
        var certificate = Make();
        await LookAsync(certificate);
        var options = certificate.Options;
        await LookAsync(certificate, 5);
        Assert.Same(options, certificate.Options);
        Assert.Single(_log.Lines);
    }

    [Theory]
    [InlineData(76.01, 1)]
    [InlineData(75.99, 0)]
    public async Task An_end_within_two_weeks_is_told_once_though_the_file_stays(double days, int told)
    {
        var certificate = Make();
        await LookAsync(certificate);
        _time.Advance(TimeSpan.FromDays(days));
        await LookAsync(certificate, 5);
        Assert.Equal(told, Told("replace it").Length);
    }

    [Fact]
    public async Task An_expired_one_is_told_once_more_and_served_on()
    {
        var certificate = Make();
        await LookAsync(certificate);
        _time.Advance(TimeSpan.FromDays(80));
        await LookAsync(certificate, 3);
        _time.Advance(TimeSpan.FromDays(10));
        await LookAsync(certificate, 3);
        Assert.Single(Told("expired"));
        Assert.Equal(2, Told("replace it").Length);
        Assert.NotNull(certificate.Options);
    }
}
