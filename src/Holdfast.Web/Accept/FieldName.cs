using System.Buffers;

namespace Holdfast.Web.Accept;

/// <summary>What a header field may be called.</summary>
internal static class FieldName
{
    /// <summary>RFC 9110 §5.6.2: a token.</summary>
    private static readonly SearchValues<char> s_letters = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    public static bool IsValid(string name) => name.Length > 0 && !name.AsSpan().ContainsAnyExcept(s_letters);
}
