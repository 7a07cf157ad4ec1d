using System.Diagnostics;
using Holdfast.SystemTests.Harness;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace Holdfast.SystemTests;

/// <summary>Programs of others on both sides of the gateway.</summary>
public class RealPeerTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Smtp_source_through_holdfast_to_smtp_sink()
    {
        var source = Peer.Require("smtp-source");
        var sink = Peer.Require("smtp-sink");
        var workspace = new Workspace();
        await using var gateway = new Gateway(workspace);
        var spoolFolder = workspace.File("sink");
        Directory.CreateDirectory(spoolFolder);
        File.SetUnixFileMode(spoolFolder, (UnixFileMode)0x1FF);
        File.SetUnixFileMode(workspace.Path, (UnixFileMode)0x1FF);
        using var sinking = Peer.Start(sink,
            [.. SinkUser(), "-d", spoolFolder + "/m.", $"127.0.0.1:{gateway.HomePort}", "256"]);
        try
        {
            await gateway.StartAsync();
            var (code, output) = await Peer.RunAsync(source,
                ["-m", "500", "-s", "20", "-l", "4096", "-f", "a@example.org", "-t", "b@example.net",
                    $"127.0.0.1:{gateway.SmtpPort}"], Limit);
            Assert.True(code == 0, output + gateway.Log);
            await Eventually.HoldsAsync(() => Directory.GetFiles(spoolFolder).Length == 500, Limit,
                () => $"{Directory.GetFiles(spoolFolder).Length} of 500 delivered\n{gateway.Log}");
        }
        finally
        {
            sinking.Kill();
        }
    }

    [Fact]
    public async Task Swaks_is_answered_in_every_transport_and_auth()
    {
        var swaks = Peer.Require("swaks");
        var workspace = new Workspace();
        var (certificate, key) = await Certificates.MakeAsync(workspace);
        var implicitPort = Workspace.FreePort();
        var submissionPort = Workspace.FreePort();
        var proxyPort = Workspace.FreePort();
        var users = workspace.File("users");
        var gateway = new Gateway(workspace);
        await using var _ = gateway;
        var tls = $"\"CertificateFile\": \"{certificate}\", \"KeyFile\": \"{key}\"";
        gateway.Configure(gateway.TwoSites().Replace("\"Listeners\": [", $$"""
            "UsersFile": "{{users}}", "Listeners": [
              { "Name": "submissions", "Endpoint": "127.0.0.1:{{implicitPort}}", "Role": "Submission", "Tls": "Implicit", {{tls}} },
              { "Name": "submission", "Endpoint": "127.0.0.1:{{submissionPort}}", "Role": "Submission", "Tls": "StartTls", {{tls}} },
              { "Name": "proxied", "Endpoint": "127.0.0.1:{{proxyPort}}", "Role": "Relay", "TrustedNetworks": [ "192.0.2.0/24" ],
                "ProxyProtocolFrom": [ "127.0.0.1/32" ] },
            """, StringComparison.Ordinal));
        await using var na = new ScriptedTarget(gateway.HomePort);
        var (added, text) = await gateway.AddUserAsync(users, "ann@example.org", "correct horse");
        Assert.True(added == 0, text);
        await gateway.StartAsync();

        async Task<(int Code, string Output)> Swaks(int port, params string[] more) => await Peer.RunAsync(swaks,
            ["--server", "127.0.0.1", "--port", $"{port}", "--from", "ann@example.org", "--to", "b@example.net",
                "--timeout", "20", .. more], Limit);

        foreach (var auth in (string[])["PLAIN", "LOGIN"])
        {
            var started = await Swaks(submissionPort, "--tls", "--auth", auth, "--auth-user", "ann@example.org",
                "--auth-password", "correct horse");
            Assert.True(started.Code == 0, started.Output + gateway.Log);
            var whole = await Swaks(implicitPort, "--tlsc", "--auth", auth, "--auth-user", "ann@example.org",
                "--auth-password", "correct horse");
            Assert.True(whole.Code == 0, whole.Output + gateway.Log);
        }
        var wrong = await Swaks(submissionPort, "--tls", "--auth", "PLAIN", "--auth-user", "ann@example.org",
            "--auth-password", "wrong");
        Assert.True(wrong.Code != 0 && wrong.Output.Contains("535", StringComparison.Ordinal), wrong.Output);
        var plain = await Swaks(submissionPort, "--auth", "PLAIN", "--auth-user", "ann@example.org",
            "--auth-password", "correct horse");
        Assert.True(plain.Code != 0, "AUTH without TLS was taken:\n" + plain.Output);
        var none = await Swaks(submissionPort, "--tls");
        Assert.True(none.Code != 0 && none.Output.Contains("530", StringComparison.Ordinal), none.Output);
        var proxied = await Swaks(proxyPort, "--proxy-version", "2", "--proxy-family", "AF_INET", "--proxy-source",
            "192.0.2.7", "--proxy-source-port", "4711", "--proxy-dest", "192.0.2.1", "--proxy-dest-port", "25",
            "--proxy-command", "PROXY", "--proxy-protocol", "STREAM");
        Assert.True(proxied.Code == 0, proxied.Output + gateway.Log);
        var stranger = await Swaks(proxyPort, "--proxy-version", "2", "--proxy-family", "AF_INET", "--proxy-source",
            "198.51.100.7", "--proxy-source-port", "4711", "--proxy-dest", "192.0.2.1", "--proxy-dest-port", "25",
            "--proxy-command", "PROXY", "--proxy-protocol", "STREAM");
        Assert.True(stranger.Code != 0, "a stranger behind the proxy was relayed:\n" + stranger.Output);
    }

    [Fact]
    public async Task MailKit_sends_utf8_and_large_messages_unchanged()
    {
        var workspace = new Workspace();
        await using var gateway = new Gateway(workspace);
        await using var na = new ScriptedTarget(gateway.HomePort);
        await gateway.StartAsync();
        using var message = new MimeMessage();
        message.From.Add(new MailboxAddress("Ännchen", "ann@example.org"));
        message.To.Add(new MailboxAddress("Bob", "bob@example.net"));
        message.Subject = "Grüße";
        message.Headers.Add("X-Marker", "mailkit-1");
        var text = string.Concat(Enumerable.Repeat("Ein Satz mit Umlauten: äöü ß.\r\n.\r\n..zwei Punkte\r\n", 500));
        message.Body = new TextPart("plain") { Text = text };
        using var client = new SmtpClient();
        await client.ConnectAsync("127.0.0.1", gateway.SmtpPort, SecureSocketOptions.None);
        Assert.True(client.Capabilities.HasFlag(SmtpCapabilities.Pipelining));
        Assert.True(client.Capabilities.HasFlag(SmtpCapabilities.EightBitMime));
        Assert.True(client.Capabilities.HasFlag(SmtpCapabilities.Chunking));
        Assert.True(client.Capabilities.HasFlag(SmtpCapabilities.Dsn));
        await client.SendAsync(message);
        await client.DisconnectAsync(true);
        await Eventually.HoldsAsync(() => na.Has("mailkit-1"), Limit, () => gateway.Log);
        var received = await MimeMessage.LoadAsync(
            new MemoryStream(System.Text.Encoding.Latin1.GetBytes(na.LastContent!)));
        Assert.Equal(text.ReplaceLineEndings("\n"), received.TextBody!.ReplaceLineEndings("\n"));
        Assert.Contains("holdfast.test", received.Headers[HeaderId.Received], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Postfix_delivers_to_us_and_takes_from_us()
    {
        Peer.Require("postfix");
        var workspace = new Workspace();
        await using var gateway = new Gateway(workspace);
        await using var eu = new ScriptedTarget(gateway.AwayPort);
        // Postfix upstream relays to Holdfast; Holdfast's home target is a second Postfix, which relays to a sink.
        await using var final = new ScriptedTarget(Workspace.FreePort());
        var finalPort = Workspace.FreePort();
        await using var sink = new ScriptedTarget(finalPort);
        await using var downstream = new PrivatePostfix(workspace, "down", gateway.HomePort, finalPort);
        await using var upstream = new PrivatePostfix(workspace, "up", Workspace.FreePort(), gateway.SmtpPort);
        await downstream.StartAsync();
        await gateway.StartAsync();
        await upstream.StartAsync();
        var sender = new MarkedSender(upstream.Port, "pf");
        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => sender.RunAsync(20, default)));
        Assert.Equal(100, sender.AcknowledgedCount);
        await Eventually.HoldsAsync(() => sender.Acknowledged.All(sink.Has), Limit,
            () => $"{sink.DeliveredCount} of 100\n{gateway.Log}\n{upstream.Log}\n{downstream.Log}");
        Assert.Equal(0, sink.DuplicateCount);
        Assert.Equal(0, eu.Connections);
    }

    internal static string[] SinkUser() =>
        Environment.UserName == "root" ? ["-u", "nobody"] : [];
}
