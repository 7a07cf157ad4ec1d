using Microsoft.Extensions.Options;

namespace Holdfast.Mail.Route;

/// <summary>The route table that holds now; a reload swaps it whole.</summary>
internal sealed class RouteTableSource : IDisposable
{
    private readonly IDisposable? _listening;

    public RouteTableSource(IOptionsMonitor<RouteOptions> options)
    {
        Table = RouteTable.FromOptions(options.CurrentValue);
        _listening = options.OnChange(changed =>
        {
            Table = RouteTable.FromOptions(changed);
            Changed?.Invoke();
        });
    }

    public RouteTable Table
    {
        get => Volatile.Read(ref field);
        private set => Volatile.Write(ref field, value);
    }

    /// <summary>After a swap. On the reload's thread: must only note it.</summary>
    public event Action? Changed;

    public void Dispose() => _listening?.Dispose();
}
