using System.Text;
using Holdfast.Storage.Journal;

namespace Holdfast.Evidence.Records;

/// <summary>The recipients of a record: one, or those of an acceptance, which stand joined by blanks.</summary>
internal static class RecipientsText
{
    /// <summary>Each address by itself; "and 7 more" after a long list, and what was cut off, is none.</summary>
    public static IReadOnlyList<string> Of(EvidenceRecord record)
    {
        if (record.Recipient is not { Length: > 0 } text)
            return [];
        if (record.Kind != EvidenceKind.Accepted || !text.Contains(' ', StringComparison.Ordinal))
            return [text];
        var found = new List<string>();
        var word = new StringBuilder();
        var isQuoted = false;
        for (var i = 0; i <= text.Length; i++)
        {
            var c = i < text.Length ? text[i] : ' ';
            if (isQuoted && c == '\\' && i + 1 < text.Length)
            {
                word.Append(c).Append(text[++i]);
                continue;
            }
            // A quoted local part may hold blanks (RFC 5321 §4.1.2).
            if (c == '"')
                isQuoted = !isQuoted;
            if (c != ' ' || (isQuoted && i < text.Length))
            {
                word.Append(c);
                continue;
            }
            var address = word.ToString();
            if (!isQuoted && address.Contains('@', StringComparison.Ordinal) && !address.EndsWith('…'))
                found.Add(address);
            word.Clear();
        }
        return found;
    }
}
