using System.Net;
using Holdfast.Storage.Keys;

namespace Holdfast.Mail.Receive;

/// <summary>One listener's rules, ready to use: an immutable picture of its options. What comes from files is read
/// through the watched files, which change on their own.</summary>
internal sealed class ListenerPolicy
{
    private readonly DomainList _domains;
    private readonly WatchedFile<DomainList>? _domainsFile;
    private readonly WatchedFile<RecipientDirectory>? _recipientsFile;

    public ListenerPolicy(ListenerOptions options, string hostName, WatchedFile<DomainList>? domainsFile,
        WatchedFile<RecipientDirectory>? recipientsFile, ServerCertificate? certificate)
    {
        Options = options;
        Name = options.Name;
        Role = options.Role;
        Tls = options.Tls;
        Endpoint = IPEndPoint.Parse(options.Endpoint);
        Trusted = NetworkSet.Parse(options.TrustedNetworks);
        ProxyFrom = NetworkSet.Parse(options.ProxyProtocolFrom);
        XclientFrom = NetworkSet.Parse(options.XclientFrom);
        MtPriorityFrom = NetworkSet.Parse(options.MtPriorityFrom);
        Certificate = certificate;
        _domains = DomainList.Of(options.Domains);
        _domainsFile = domainsFile;
        _recipientsFile = recipientsFile;
        StrictPipelining = options.StrictPipelining ?? options.Role == ListenerRole.Inbound;
        SubaddressSeparator = options.SubaddressSeparator.Length == 1 ? options.SubaddressSeparator[0] : '\0';
        Postmaster = !string.IsNullOrEmpty(options.Postmaster) ? options.Postmaster
            : "postmaster@" + (Array.Find(options.Domains, d => !d.StartsWith('.')) ?? hostName);
    }

    public ListenerOptions Options { get; }
    public string Name { get; }
    public ListenerRole Role { get; }
    public ListenerTls Tls { get; }
    public IPEndPoint Endpoint { get; }
    public NetworkSet Trusted { get; }
    public NetworkSet ProxyFrom { get; }
    public NetworkSet XclientFrom { get; }
    public NetworkSet MtPriorityFrom { get; }
    public ServerCertificate? Certificate { get; }
    public bool StrictPipelining { get; }
    public char SubaddressSeparator { get; }
    /// <summary>Address that a bare <c>postmaster</c> stands for.</summary>
    public string Postmaster { get; }
    public bool Normalises => Options.BareNewlines == BareNewlineHandling.Normalise && Role != ListenerRole.Inbound;

    public bool IsOurs(ReadOnlySpan<char> domain) =>
        _domains.Contains(domain) || _domainsFile?.Current?.Contains(domain) == true;

    /// <summary>False while a domains file was named and nothing of it could be read yet: then nobody can say what is
    /// not ours.</summary>
    public bool KnowsDomains => _domainsFile is null || _domainsFile.Current is not null;

    /// <summary>Valid recipients; null when there is no such list.</summary>
    public RecipientDirectory? Recipients => _recipientsFile?.Current;

    public bool HasRecipientList => _recipientsFile is not null;
}
