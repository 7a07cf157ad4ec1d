using System.Buffers;
using System.Net;
using Holdfast.Mail.Smtp;
using Microsoft.Extensions.Logging;

namespace Holdfast.Mail.Receive;

/// <content>Peers that speak for a client, by PROXY protocol or XCLIENT: believed of listed peers only.</content>
internal sealed partial class ReceiveSession
{
    /// <summary>Reads the header that a listed peer must begin with. False: there was none, the session is over.
    /// </summary>
    private async Task<bool> ReadProxyHeaderAsync()
    {
        var bytes = new byte[ProxyHeader.BytesMax];
        _clock.Begin(SessionWait.ProxyHeader);
        try
        {
            while (true)
            {
                var read = await _input.ReadAsync(CancellationToken.None).ConfigureAwait(false);
                var length = (int)Math.Min(read.Buffer.Length, bytes.Length);
                read.Buffer.Slice(0, length).CopyTo(bytes);
                var result = ProxyHeader.TryRead(bytes.AsSpan(0, length), out var header);
                if (result == ProxyHeaderResult.Done)
                {
                    _input.AdvanceTo(read.Buffer.GetPosition(header.Length));
                    if (header.Source is { } source)
                        _client = source.Address;
                    return true;
                }
                _input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                var overdue = read.IsCanceled && _clock.IsOverdue();
                if (result == ProxyHeaderResult.NeedMore && !read.IsCompleted && !overdue)
                    continue;
                LogProxyFault(_context.Logger, _listener.Name, _client,
                    overdue ? "none came in time" : result.ToString());
                SetClient(_client);
                Refuse(StandardReplies.BadProxyHeader, "proxy_header", reason: result.ToString());
                return false;
            }
        }
        finally
        {
            _clock.End();
        }
    }

    /// <summary>Postfix XCLIENT_README: takes the client's true address and name over and begins anew.</summary>
    private NextStep OnXClient()
    {
        if (!_listener.XclientFrom.Contains(_peer))
        {
            Refuse(StandardReplies.XClientDenied, "xclient");
            return NextStep.Command;
        }
        if (_transaction.IsOpen || _hasChunks)
            return Fault(StandardReplies.XClientInTransaction);
        if (!XClientAttributes.TryParse(_command.Argument, out var attributes, out var refusal))
            return Fault(refusal!);
        if (attributes.Address is { } address)
        {
            SetClient(address);
            if (!TryCount(_client))
            {
                _context.Metrics.Shed(_listener.Name, "connections_per_address");
                Say(StandardReplies.TooManyConnectionsFromYou);
                return NextStep.Close;
            }
        }
        else if (attributes.AddressUnavailable)
        {
            // Unknown is never trusted.
            SetClient(IPAddress.None);
        }
        _user = _listener.Role == ListenerRole.Submission && attributes.Login is { Length: > 0 } login
            ? _context.Policy.Users?.Find(login) : null;
        _hello = attributes.Hello ?? "";
        _isExtended = false;
        _offered = OfferedExtensions.None;
        Greet();
        return Reset();
    }

    [LoggerMessage(EventId = 2012, Level = LogLevel.Warning,
        Message = "Listener {Listener} expects a PROXY header from {Peer}: {Fault}")]
    private static partial void LogProxyFault(ILogger logger, string listener, IPAddress peer, string fault);
}
