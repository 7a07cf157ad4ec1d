using System.IO.Pipelines;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Holdfast.Mail.Receive;

namespace Holdfast.Tests.Mail.Receive;

public class ReceiveSecurityTests
{
    private static readonly string Pem = MakeCertificate();

    [Fact]
    public async Task After_starttls_everything_is_forgotten_and_mail_is_traced_as_encrypted()
    {
        await using var bench = await StartWithTlsAsync(ListenerTls.StartTls);
        var client = await bench.ConnectAsync();
        Assert.EndsWith("250 STARTTLS", await client.SayAsync("EHLO c"), StringComparison.Ordinal);
        await client.ExpectAsync(("MAIL FROM:<a@example.org>", "250"), ("STARTTLS", "220 2.0.0"));
        await HandshakeAsync(client);
        await client.ExpectAsync(("MAIL FROM:<a@example.org>", "503"));
        Assert.DoesNotContain("STARTTLS", await client.SayAsync("EHLO c"), StringComparison.Ordinal);
        await client.ExpectAsync(("STARTTLS", "503"));
        await client.BeginDataAsync();
        await client.ExpectAsync(("x\r\n.", "250"));
        Assert.Contains(" with ESMTPS (TLS1.", Encoding.ASCII.GetString(bench.Spool.Messages.Single().Content),
            StringComparison.Ordinal);
        await client.ExpectAsync(("QUIT", "221"));
        Assert.Equal("", await client.ReadReplyAsync());
    }

    [Fact]
    public async Task Commands_behind_starttls_are_never_looked_at()
    {
        await using var bench = await StartWithTlsAsync(ListenerTls.StartTls);
        var client = await bench.ConnectAsync();
        await client.ExpectAsync(("EHLO c", "250-"));
        await client.SendAsync("STARTTLS\r\nMAIL FROM:<evil@example.org>\r\n");
        Assert.StartsWith("554 ", await client.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.Equal("", await client.ReadReplyAsync());
    }

    [Fact]
    public async Task Where_tls_is_required_there_is_no_mail_without_it()
    {
        await using var bench = await StartWithTlsAsync(ListenerTls.Required);
        var client = await bench.ConnectAsync();
        await client.ExpectAsync(("EHLO c", "250-"), ("MAIL FROM:<a@example.org>", "530 5.7.0"), ("STARTTLS", "220"));
        await HandshakeAsync(client);
        await client.BeginDataAsync();
    }

    [Fact]
    public async Task Implicit_tls_begins_with_the_handshake()
    {
        await using var bench = await StartWithTlsAsync(ListenerTls.Implicit);
        var client = bench.Open();
        await HandshakeAsync(client);
        Assert.StartsWith("220 ", await client.ReadReplyAsync(), StringComparison.Ordinal);
        await client.BeginDataAsync();
        await client.ExpectAsync(("x\r\n.", "250"), ("QUIT", "221"));
    }

    [Fact]
    public async Task A_certificate_is_taken_over_when_it_changes_and_a_bad_one_is_not()
    {
        await using var bench = await StartWithTlsAsync(ListenerTls.StartTls);
        var first = await ThumbprintAsync(bench);
        bench.Files["cert.pem"] = "no certificate";
        await bench.Server.ReloadAsync(TestContext.Current.CancellationToken);
        Assert.Equal(first, await ThumbprintAsync(bench));
        bench.Files["cert.pem"] = MakeCertificate();
        await bench.Server.ReloadAsync(TestContext.Current.CancellationToken);
        Assert.NotEqual(first, await ThumbprintAsync(bench));
    }

    [Fact]
    public async Task Without_a_certificate_tls_is_not_offered()
    {
        await using var bench = await ReceiveBench.StartAsync(o =>
            (o.Listeners[0].Tls, o.Listeners[0].CertificateFile) = (ListenerTls.StartTls, "cert.pem"));
        var client = await bench.ConnectAsync();
        Assert.DoesNotContain("STARTTLS", await client.SayAsync("EHLO c"), StringComparison.Ordinal);
        await client.ExpectAsync(("STARTTLS", "454 4.7.0"));
    }

    [Theory]
    [InlineData((int)ListenerTls.Required, 0)]
    [InlineData((int)ListenerTls.StartTls, 2)]
    public async Task A_certificate_that_is_missing_where_TLS_is_needed_defers_mail_and_bounces_none(int tls,
        int listener)
    {
        await using var bench = await ReceiveBench.StartAsync(o =>
        {
            (o.Listeners[listener].Tls, o.Listeners[listener].CertificateFile) = ((ListenerTls)tls, "cert.pem");
            o.Listeners[listener].AllowPlainTextAuth = false;
        });
        var client = listener == 0 ? await bench.ConnectAsync() : await bench.ConnectAsync(ReceiveBench.Submission);
        await client.ExpectAsync(("EHLO c", "250-"), ("MAIL FROM:<a@example.org>", "454 4.7.0"),
            ("STARTTLS", "454 4.7.0"));
        if (listener != 0)
            await client.ExpectAsync(("AUTH PLAIN", "454 4.7.0"));
    }

    [Fact]
    public async Task Signing_in_by_plain_allows_sending_as_oneself_only()
    {
        await using var bench = await ReceiveBench.StartAsync();
        var client = await bench.ConnectAsync(ReceiveBench.Submission);
        Assert.EndsWith("250 AUTH PLAIN LOGIN", await client.SayAsync("EHLO c"), StringComparison.Ordinal);
        await client.ExpectAsync(("MAIL FROM:<ann@example.org>", "530 5.7.0"),
            ("AUTH PLAIN " + Plain("ann@example.org", ReceiveBench.Password), "235 2.7.0"),
            ("AUTH PLAIN", "503"), ("MAIL FROM:<boss@example.org>", "553 5.7.1"), ("MAIL FROM:<>", "250"), ("RSET", "250"));
        await client.BeginDataAsync("ann@example.org", "x@elsewhere.example");
        await client.ExpectAsync(("x\r\n.", "250"));
        var envelope = Assert.Single(bench.Spool.Messages).Envelope;
        Assert.Equal("ann@example.org", envelope.AuthenticatedAs);
        Assert.Equal("ann@example.org", envelope.Tenant);
        Assert.Contains(" with ESMTPA\r\n", Encoding.ASCII.GetString(bench.Spool.Messages.Single().Content),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wrong_passwords_end_the_session_and_then_the_address_is_held_off()
    {
        await using var bench = await ReceiveBench.StartAsync(o => o.SignInFailuresMax = 3);
        var client = await bench.ConnectAsync(ReceiveBench.Submission);
        await client.ExpectAsync(("EHLO c", "250-"), ("AUTH PLAIN " + Plain("ann@example.org", "x"), "535 5.7.8"),
            ("AUTH PLAIN " + Plain("nobody@example.org", "x"), "535 5.7.8"),
            ("AUTH PLAIN " + Plain("ann@example.org", "y"), "535 5.7.8"));
        Assert.StartsWith("421 4.7.0", await client.ReadReplyAsync(), StringComparison.Ordinal);
        var right = "AUTH PLAIN " + Plain("ann@example.org", ReceiveBench.Password);
        client = await bench.ConnectAsync(ReceiveBench.Submission);
        await client.ExpectAsync(("EHLO c", "250-"), (right, "454 4.7.0"));
        bench.Time.Advance(TimeSpan.FromMinutes(11));
        client = await bench.ConnectAsync(ReceiveBench.Submission);
        await client.ExpectAsync(("EHLO c", "250-"), (right, "235"));
    }

    [Fact]
    public async Task Passwords_are_not_taken_in_the_clear()
    {
        await using var bench = await StartWithTlsAsync(ListenerTls.Required, 2);
        var client = await bench.ConnectAsync(ReceiveBench.Submission);
        Assert.DoesNotContain("AUTH", await client.SayAsync("EHLO c"), StringComparison.Ordinal);
        await client.ExpectAsync(("AUTH PLAIN " + Plain("ann@example.org", ReceiveBench.Password), "538 5.7.11"),
            ("STARTTLS", "220"));
        await HandshakeAsync(client);
        Assert.Contains("AUTH PLAIN LOGIN", await client.SayAsync("EHLO c"), StringComparison.Ordinal);
        await client.ExpectAsync(("AUTH PLAIN " + Plain("ann@example.org", ReceiveBench.Password), "235"));
    }

    [Fact]
    public void A_hash_fits_its_password_only_and_lies_on_one_line()
    {
        var line = PasswordHash.CreateLine("ann", "secret");
        var users = UserList.Parse(Encoding.UTF8.GetBytes("# users\n" + line + "\n"));
        Assert.True(PasswordHash.Verify(users.Find("ANN")!.Hash, "secret"));
        Assert.False(PasswordHash.Verify(users.Find("ann")!.Hash, "Secret"));
        Assert.False(PasswordHash.Verify("no hash", "secret"));
        Assert.Throws<FormatException>(() => UserList.Parse("ann:plaintext"u8.ToArray()));
        Assert.Throws<FormatException>(() => UserList.Parse("{\"user\":1}"u8.ToArray()));
        Assert.Throws<FormatException>(() => UserList.Parse(Encoding.UTF8.GetBytes(line + "\n" + line)));
    }

    private static async Task<ReceiveBench> StartWithTlsAsync(ListenerTls tls, int listener = 0)
    {
        var bench = new ReceiveBench(o =>
        {
            (o.Listeners[listener].Tls, o.Listeners[listener].CertificateFile) = (tls, "cert.pem");
            o.Listeners[listener].AllowPlainTextAuth = false;
        });
        bench.Files["cert.pem"] = Pem;
        await bench.Server.StartAsync(TestContext.Current.CancellationToken);
        return bench;
    }

    private static async Task<string> ThumbprintAsync(ReceiveBench bench)
    {
        var client = await bench.ConnectAsync();
        await client.ExpectAsync(("EHLO c", "250-"), ("STARTTLS", "220"));
        return await HandshakeAsync(client);
    }

    private static async Task<string> HandshakeAsync(Conversation client)
    {
        var tls = new SslStream(new PipeStream(client.Connection.Client));
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "mx.example.org", RemoteCertificateValidationCallback = (_, _, _, _) => true,
        }, TestContext.Current.CancellationToken);
        client.Switch(PipeReader.Create(tls), PipeWriter.Create(tls));
        return tls.RemoteCertificate!.GetCertHashString();
    }

    private static string MakeCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=mx.example.org", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
        return certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem();
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private static string Plain(string user, string password) => Base64($"\0{user}\0{password}");

    private sealed class PipeStream(IDuplexPipe pipe) : Stream
    {
        private readonly Stream _in = pipe.Input.AsStream(true);
        private readonly Stream _out = pipe.Output.AsStream(true);
        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
        public override void Flush() { }
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            _in.ReadAsync(buffer, cancellationToken);
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            _out.WriteAsync(buffer, cancellationToken);
        public override Task FlushAsync(CancellationToken cancellationToken) => _out.FlushAsync(cancellationToken);
    }
}
