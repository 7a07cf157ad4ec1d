using System.Net;
using Holdfast.Mail.Smtp;
using Microsoft.Extensions.Options;

namespace Holdfast.Mail.Canaries;

/// <summary>What must hold between the values of a probe; each fault says what to do.</summary>
internal sealed class CanaryOptionsValidator : IValidateOptions<CanaryOptions>
{
    private const int ProbesMax = 64;

    public ValidateOptionsResult Validate(string? name, CanaryOptions options)
    {
        var faults = new List<string>();
        if (options.Probes.Length > ProbesMax)
            faults.Add($"Probes: there are {options.Probes.Length}, at most {ProbesMax} are looked after: remove "
                + "some.");
        for (var i = 0; i < options.Probes.Length; i++)
            Check(options.Probes[i], $"Probes:{i}", faults);
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }

    private static void Check(CanaryProbeOptions probe, string at, List<string> faults)
    {
        if (probe.Site.Length == 0)
            faults.Add($"{at}:Site is missing: name a site of Holdfast:Topology:Sites.");
        if (!IsAddress(probe.Recipient))
            faults.Add($"{at}:Recipient \"{probe.Recipient}\" is not an address: name a mailbox at the site.");
        if (!Enum.IsDefined(probe.ReadBack))
            faults.Add($"{at}:ReadBack must be Reply or Imap.");
        else if (probe.ReadBack == CanaryReadBack.Reply)
            CheckReply(probe, at, faults);
        else if (probe.Imap is not { } imap)
            faults.Add($"{at}:Imap is missing: say which server the mailbox is on.");
        else
            CheckMailbox(imap, at + ":Imap", faults);
    }

    private static void CheckReply(CanaryProbeOptions probe, string at, List<string> faults)
    {
        if (!IsAddress(probe.Sender))
            faults.Add($"{at}:Sender \"{probe.Sender}\" is not an address: name one of ours that nobody uses, to which "
                + "answers come.");
        else if (string.Equals(probe.Sender, probe.Recipient, StringComparison.OrdinalIgnoreCase))
            faults.Add($"{at}:Sender is the Recipient: answers would never be told from what was sent.");
        if (probe.Imap is not null)
            faults.Add($"{at}:Imap is set but ReadBack is Reply: set ReadBack to Imap, or remove it.");
    }

    private static void CheckMailbox(CanaryMailboxOptions imap, string at, List<string> faults)
    {
        if (!TryReadEndpoint(imap.Endpoint, out var host, out _))
            faults.Add($"{at}:Endpoint \"{imap.Endpoint}\" is not host:port: write for example imap.example.com:993.");
        else if (imap.Tls == ImapTls.None && !IsLoopback(host))
            faults.Add($"{at}:Tls None would send the password in the clear: set Implicit or StartTls.");
        if (!Enum.IsDefined(imap.Tls))
            faults.Add($"{at}:Tls must be Implicit, StartTls or None.");
        if (imap.User.Length == 0)
            faults.Add($"{at}:User is missing: who signs in?");
        if (string.IsNullOrEmpty(imap.PasswordFile) == string.IsNullOrEmpty(imap.PasswordVariable))
            faults.Add($"{at}: set one of PasswordFile and PasswordVariable.");
        if (imap.Folder.Length is 0 or > 255)
            faults.Add($"{at}:Folder must have 1 to 255 characters.");
    }

    private static bool IsAddress(string text) =>
        EmailAddress.TryParse(text, out var address) && !address.IsNull && !address.IsBarePostmaster;

    private static bool IsLoopback(string host) => host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host.AsSpan().Trim("[]"), out var ip) && IPAddress.IsLoopback(ip));

    internal static bool TryReadEndpoint(string text, out string host, out int port)
    {
        var colon = text.LastIndexOf(':');
        (host, port) = ("", 0);
        if (colon <= 0 || !int.TryParse(text.AsSpan(colon + 1), System.Globalization.NumberStyles.None,
            System.Globalization.CultureInfo.InvariantCulture, out port) || port is < 1 or > 65535)
        {
            return false;
        }
        host = text[..colon].Trim('[', ']');
        return Uri.CheckHostName(host) != UriHostNameType.Unknown;
    }
}
