using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Holdfast.SystemTests.Harness;

namespace Holdfast.SystemTests;

/// <summary>STARTTLS towards a target, which is a real Postfix: the words "using TLSv1.3" in what arrives are its own.
/// </summary>
public class TargetTlsTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Each_route_gets_the_TLS_that_it_asks_for_or_its_mail_waits()
    {
        var workspace = new Workspace();
        var (certificate, key) = await Certificates.MakeAsync(workspace, "mx.example.net");
        await using var gateway = new Gateway(workspace);
        var finalPort = Workspace.FreePort();
        var postfixPort = Workspace.FreePort();
        var clearPort = Workspace.FreePort();
        await using var final = new ScriptedTarget(finalPort) { KeepsContents = true };
        await using var clear = new ScriptedTarget(clearPort);
        await using var postfix = new PrivatePostfix(workspace, "tls", postfixPort, finalPort, $"""
            smtpd_tls_security_level = may
            smtpd_tls_cert_file = {certificate}
            smtpd_tls_key_file = {key}
            smtpd_tls_received_header = yes
            """);
        await postfix.StartAsync();

        (string Name, int Port, string Rule)[] routes =
        [
            ("never", postfixPort, "\"Tls\": \"None\""),
            ("opportunistic", postfixPort, "\"Tls\": \"Opportunistic\""),
            ("named", postfixPort, "\"Tls\": \"Required\", \"TlsNames\": [ \"mx.example.net\" ]"),
            ("misnamed", postfixPort, "\"Tls\": \"Required\", \"TlsNames\": [ \"mx.example.org\" ]"),
            ("pinned", postfixPort, $"\"Tls\": \"Required\", \"TlsPins\": [ \"{PinOf(certificate)}\" ]"),
            ("mispinned", postfixPort, $"\"Tls\": \"Required\", \"TlsPins\": [ \"{new string('0', 64)}\" ]"),
            ("hopeful", clearPort, "\"Tls\": \"Opportunistic\""),
            ("strict", clearPort, "\"Tls\": \"Required\", \"TlsNames\": [ \"mx.example.net\" ]"),
        ];
        gateway.Configure($$"""
            { "Holdfast": {
              "HostName": "holdfast.test",
              "Operator": { "HttpEndpoint": "127.0.0.1:{{gateway.HttpPort}}" },
              "Topology": { "Regions": [ { "Name": "na" } ], "Sites": [
                {{string.Join(", ", routes.Select(r => $$"""
                  { "Name": "{{r.Name}}", "Service": "{{r.Name}}", "Region": "na",
                    "Targets": [ { "Address": "127.0.0.1:{{r.Port}}" } ] }
                  """))}} ] },
              "Mail": {
                "Receive": { "Listeners": [ { "Name": "relay", "Endpoint": "127.0.0.1:{{gateway.SmtpPort}}",
                  "Role": "Relay", "TrustedNetworks": [ "127.0.0.0/8" ] } ] },
                "Route": { "Rules": [
                  {{string.Join(", ", routes.Select(r =>
                    $$"""{ "Domain": "{{r.Name}}.test", "Service": "{{r.Name}}", {{r.Rule}} }"""))}} ] } } } }
            """);
        // The system's store of certificates, as OpenSSL and .NET find it: ours is the only one in it.
        gateway.Environment["SSL_CERT_FILE"] = certificate;
        gateway.Environment["SSL_CERT_DIR"] = workspace.Path;
        await gateway.StartAsync();
        foreach (var (name, _, _) in routes)
        {
            var sender = new MarkedSender(gateway.SmtpPort, name);
            await sender.RunAsync(1, default);
            Assert.True(sender.AcknowledgedCount == 1, name + string.Concat(sender.Refusals));
        }

        await Eventually.HoldsAsync(() => final.DeliveredCount == 4 && clear.DeliveredCount == 1, Limit,
            () => $"{string.Join(' ', final.Order)} | {string.Join(' ', clear.Order)}\n{gateway.Log}\n{postfix.Log}");
        string Arrived(string name) => final.Contents.Single(c => c.Contains($"X-Marker: {name}-1\r\n", StringComparison.Ordinal));
        Assert.DoesNotContain("using TLS", Arrived("never"), StringComparison.Ordinal);
        foreach (var name in (string[])["opportunistic", "named", "pinned"])
            Assert.Contains("using TLSv1.", Arrived(name), StringComparison.Ordinal);
        Assert.True(clear.Has("hopeful-1"));

        foreach (var (name, why) in ((string, string)[])[
            ("misnamed", "it bears mx.example.net and not mx.example.org"),
            ("mispinned", "its key matches no pin"),
            ("strict", "STARTTLS is required and not offered")])
        {
            var text = "";
            await Eventually.HoldsAsync(async () =>
            {
                var page = await gateway.GetAsync($"/api/v1/queue?recipient=r1@{name}.test");
                text = page.GetProperty("messages")[0].GetProperty("why").GetString();
                return text!.Contains(why, StringComparison.Ordinal);
            }, Limit, () => $"{name} waits for another reason: {text}\n{gateway.Log}");
        }
        Assert.Equal(3, await gateway.WaitingAsync());
        // Not a word of a message that may only go by TLS was said in clear.
        Assert.DoesNotContain(clear.Envelopes, e => e.Contains("strict", StringComparison.Ordinal));
    }

    private static string PinOf(string certificateFile)
    {
        using var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(certificateFile));
        return Convert.ToHexStringLower(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));
    }
}
