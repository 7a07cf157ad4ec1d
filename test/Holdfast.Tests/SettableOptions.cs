using Microsoft.Extensions.Options;

namespace Holdfast.Tests;

/// <summary>Options that a test sets and changes.</summary>
internal sealed class SettableOptions<T>(T value) : IOptionsMonitor<T>
{
    private event Action<T, string?>? Changed;

    public T CurrentValue { get; private set; } = value;

    public T Get(string? name) => CurrentValue;

    public IDisposable OnChange(Action<T, string?> listener)
    {
        Changed += listener;
        return new Subscription(() => Changed -= listener);
    }

    public void Set(T value)
    {
        CurrentValue = value;
        Changed?.Invoke(value, null);
    }

    private sealed class Subscription(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}
