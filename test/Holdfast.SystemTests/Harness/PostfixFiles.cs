namespace Holdfast.SystemTests.Harness;

/// <summary>Configuration of a private Postfix 3.6 or later as Debian packages it: a relay with its own queue, one
/// listener on loopback, no chroot, no DNS. The bench compares with the same instance, so it is compiled there too.
/// </summary>
internal static class PostfixFiles
{
    /// <summary>Folder for <c>postfix -c</c> below <paramref name="root"/>.</summary>
    public static string EtcIn(string root) => Path.Combine(root, "etc");

    public static string LogIn(string root) => Path.Combine(root, "maillog");

    /// <summary>Writes main.cf and master.cf and makes the folders that they name.</summary>
    /// <param name="relayPort">Port on loopback to which everything goes.</param>
    /// <param name="settings">More lines for main.cf; the last setting of a name wins.</param>
    public static void Write(string root, string hostName, int port, int relayPort, string settings = "")
    {
        var etc = EtcIn(root);
        Directory.CreateDirectory(etc);
        Directory.CreateDirectory(Path.Combine(root, "queue"));
        Directory.CreateDirectory(Path.Combine(root, "data"));
        // compatibility_level keeps Postfix from logging about its old defaults; meta, shlib, daemon and command
        // directories are the package's, everything that is written is below the root.
        File.WriteAllText(Path.Combine(etc, "main.cf"), $"""
            compatibility_level = 3.6
            queue_directory = {root}/queue
            data_directory = {root}/data
            meta_directory = /etc/postfix
            shlib_directory = /usr/lib/postfix
            daemon_directory = /usr/lib/postfix/sbin
            command_directory = /usr/sbin
            maillog_file = {LogIn(root)}
            maillog_file_prefixes = {root}
            inet_interfaces = 127.0.0.1
            inet_protocols = ipv4
            myhostname = {hostName}
            mydestination =
            mynetworks = 127.0.0.0/8
            alias_maps =
            alias_database =
            local_recipient_maps =
            relayhost = [127.0.0.1]:{relayPort}
            smtp_host_lookup = native
            disable_dns_lookups = yes
            smtpd_peername_lookup = no
            {settings}
            """ + "\n");
        File.WriteAllLines(Path.Combine(etc, "master.cf"), File.ReadLines(Distributed()).Select(line => Own(line, port)));
    }

    private static string Distributed() =>
        File.Exists("/usr/share/postfix/master.cf.dist") ? "/usr/share/postfix/master.cf.dist" : "/etc/postfix/master.cf";

    /// <summary>A service line of master(5) without chroot, the SMTP listener on our port; other lines unchanged.
    /// </summary>
    private static string Own(string line, int port)
    {
        var fields = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (line.Length == 0 || line[0] is '#' or ' ' or '\t' || fields.Length < 8)
            return line;
        if (fields[0] == "smtp" && fields[1] == "inet")
            fields[0] = $"127.0.0.1:{port}";
        fields[4] = "n";
        return string.Join(' ', fields);
    }
}
