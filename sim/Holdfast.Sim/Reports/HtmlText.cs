using System.Text.Encodings.Web;

namespace Holdfast.Sim.Reports;

/// <summary>Text on its way into a page: names come from scenario files, which may come from anybody.</summary>
internal static class HtmlText
{
    public static string Encode(string text) => HtmlEncoder.Default.Encode(text);
}
