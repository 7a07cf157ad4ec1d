using Microsoft.Extensions.Primitives;

namespace Holdfast.Web.Select;

/// <summary>The values of one cookie in a request's Cookie fields, without reading the others.</summary>
/// <remarks>RFC 6265 §5.4: pairs parted by semicolons; a name may come more than once, that of the most exact path
/// first. What isn't such a list is passed over. Ends after four, since each may cost a signature.</remarks>
internal ref struct CookieValues(StringValues fields, string name)
{
    public const int SameNameMax = 4;
    private ReadOnlySpan<char> _rest;
    private int _field;
    private int _found;

    public ReadOnlySpan<char> Current { get; private set; }

    public readonly CookieValues GetEnumerator() => this;

    public bool MoveNext()
    {
        while (_found < SameNameMax)
        {
            if (_rest.IsEmpty)
            {
                if (_field >= fields.Count)
                    return false;
                _rest = fields[_field++];
                continue;
            }
            var end = _rest.IndexOf(';');
            var pair = (end < 0 ? _rest : _rest[..end]).Trim(' ');
            _rest = end < 0 ? default : _rest[(end + 1)..];
            if (pair.Length <= name.Length || pair[name.Length] != '='
                || !pair.StartsWith(name, StringComparison.Ordinal))
            {
                continue;
            }
            _found++;
            Current = pair[(name.Length + 1)..];
            return true;
        }
        return false;
    }
}
