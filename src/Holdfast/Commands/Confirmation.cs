namespace Holdfast.Commands;

/// <summary>Asks a person before something is changed.</summary>
internal static class Confirmation
{
    /// <summary>True when the person at the terminal says yes; where nobody sits there, false with a word on --yes.
    /// </summary>
    public static bool Asked(TextWriter error, string question)
    {
        if (Console.IsInputRedirected)
        {
            error.WriteLine($"{question} Not asked, since nobody is at the terminal: give --yes");
            return false;
        }
        error.Write(question + " [y/N] ");
        return Console.ReadLine()?.Trim().ToUpperInvariant() is "Y" or "YES";
    }
}
