using System.Collections.Frozen;

namespace Holdfast.Configuration;

/// <summary>One whole, valid configuration. Immutable by agreement: nobody writes to options after binding.</summary>
internal sealed class ConfigurationSnapshot
{
    private readonly FrozenDictionary<Type, object> _options;
    private readonly FrozenDictionary<Type, string> _texts;

    public ConfigurationSnapshot(string source, ConfigurationNode root, IReadOnlyDictionary<Type, object> options,
        IReadOnlyDictionary<Type, string> texts)
    {
        Source = source;
        Root = root;
        _options = options.ToFrozenDictionary();
        _texts = texts.ToFrozenDictionary();
    }

    /// <summary>The file, or words for the embedded default.</summary>
    public string Source { get; }
    public ConfigurationNode Root { get; }

    public T Get<T>() where T : class => (T)_options[typeof(T)];
    public object Get(Type type) => _options[type];

    /// <summary>Canonical text of a section, to see whether it changed.</summary>
    public string TextOf(Type type) => _texts.GetValueOrDefault(type, "");
}
