using Holdfast.SystemTests.Harness;

namespace Holdfast.SystemTests;

/// <summary>A front end of others (swaks) that speaks for its clients by XCLIENT, and a stranger that tries to.</summary>
public class XclientTests
{
    [Fact]
    public async Task A_listed_front_end_speaks_for_its_client_and_a_stranger_does_not()
    {
        var swaks = Peer.Require("swaks");
        var workspace = new Workspace();
        await using var gateway = new Gateway(workspace);
        var frontedPort = Workspace.FreePort();
        var submissionPort = Workspace.FreePort();
        var users = workspace.File("users");
        gateway.Configure(gateway.TwoSites().Replace("\"Listeners\": [", $$"""
            "UsersFile": "{{users}}", "Listeners": [
              { "Name": "fronted", "Endpoint": "127.0.0.1:{{frontedPort}}", "Role": "Relay",
                "TrustedNetworks": [ "192.0.2.0/24" ], "XclientFrom": [ "127.0.0.1/32" ] },
              { "Name": "submission", "Endpoint": "127.0.0.1:{{submissionPort}}", "Role": "Submission",
                "AllowPlainTextAuth": true, "XclientFrom": [ "127.0.0.1/32" ] },
            """, StringComparison.Ordinal));
        await using var na = new ScriptedTarget(gateway.HomePort) { KeepsContents = true };
        var (added, text) = await gateway.AddUserAsync(users, "ann@example.org", "correct horse");
        Assert.True(added == 0, text);
        await gateway.StartAsync();

        async Task<(int Code, string Output)> Swaks(int port, string marker, params string[] more) =>
            await Peer.RunAsync(swaks, ["--server", "127.0.0.1", "--port", $"{port}", "--from", "ann@example.org",
                "--to", "b@example.net", "--timeout", "20", "--header", "X-Marker: " + marker, .. more],
                TimeSpan.FromSeconds(60));

        // The front end itself is in no trusted network: what is relayed is relayed for the client that it names.
        var silent = await Swaks(frontedPort, "silent");
        Assert.True(silent.Code != 0 && silent.Output.Contains("550 5.7.1", StringComparison.Ordinal), silent.Output);
        var trusted = await Swaks(frontedPort, "trusted", "--xclient-addr", "192.0.2.7", "--helo",
            "scanner.example.org");
        Assert.True(trusted.Code == 0, trusted.Output + gateway.Log);
        var foreign = await Swaks(frontedPort, "foreign", "--xclient-addr", "198.51.100.7");
        Assert.True(foreign.Code != 0 && foreign.Output.Contains("550 5.7.1", StringComparison.Ordinal), foreign.Output);
        var unknown = await Swaks(frontedPort, "unknown", "--xclient-addr", "[UNAVAILABLE]");
        Assert.True(unknown.Code != 0 && unknown.Output.Contains("550 5.7.1", StringComparison.Ordinal), unknown.Output);
        var sixth = await Swaks(frontedPort, "sixth", "--xclient-addr", "IPV6:2001:db8::7");
        Assert.True(sixth.Code != 0 && sixth.Output.Contains("550 5.7.1", StringComparison.Ordinal), sixth.Output);

        // LOGIN takes over who signed in at the front end, but only somebody that we know.
        var login = await Swaks(submissionPort, "login", "--xclient-addr", "203.0.113.5", "--xclient-login",
            "ann@example.org");
        Assert.True(login.Code == 0, login.Output + gateway.Log);
        var nobody = await Swaks(submissionPort, "nobody", "--xclient-addr", "203.0.113.5", "--xclient-login",
            "eve@example.org");
        Assert.True(nobody.Code != 0 && nobody.Output.Contains("530", StringComparison.Ordinal), nobody.Output);

        // The relay listener has no front end: it doesn't offer XCLIENT, and refuses it from whoever sends it anyway.
        var asked = await Swaks(gateway.SmtpPort, "asked", "--xclient-addr", "198.51.100.7");
        Assert.True(asked.Code != 0 && !asked.Output.Contains("250-XCLIENT", StringComparison.Ordinal), asked.Output);
        using (var stranger = await RawClient.ConnectAsync(gateway.SmtpPort))
        {
            await stranger.SayAsync("EHLO stranger.example\r\n");
            Assert.StartsWith("550 5.7.0", await stranger.SayAsync("XCLIENT ADDR=192.0.2.66\r\n"), StringComparison.Ordinal);
            await stranger.SayAsync("MAIL FROM:<a@example.org>\r\n");
            await stranger.SayAsync("RCPT TO:<b@example.net>\r\n");
            await stranger.SayAsync("DATA\r\n");
            Assert.StartsWith("250", await stranger.SayAsync("X-Marker: stranger\r\n\r\n.\r\n"), StringComparison.Ordinal);
        }

        await Eventually.HoldsAsync(() => na.Has("trusted") && na.Has("login") && na.Has("stranger"),
            TimeSpan.FromSeconds(20), () => gateway.Log);
        string Content(string marker) => na.Contents.Single(c => c.Contains("X-Marker: " + marker, StringComparison.Ordinal));
        Assert.StartsWith("Received: from scanner.example.org ([192.0.2.7])", Content("trusted"), StringComparison.Ordinal);
        Assert.Contains("([203.0.113.5])", Content("login"), StringComparison.Ordinal);
        Assert.Contains("with ESMTPA", Content("login"), StringComparison.Ordinal);
        Assert.Contains("([127.0.0.1])", Content("stranger"), StringComparison.Ordinal);
        Assert.DoesNotContain("192.0.2.66", gateway.Evidence(), StringComparison.Ordinal);
        Assert.Equal(3, na.DeliveredCount);
    }
}
