using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace Holdfast.Mail.Receive;

/// <summary>Makes and checks password hashes: PBKDF2 with HMAC-SHA512, as ASP.NET Core Identity writes them.</summary>
public static class PasswordHash
{
    /// <summary>OWASP's advice for PBKDF2-HMAC-SHA512.</summary>
    private const int Iterations = 210_000;
    /// <summary>A longer password is refused, so that hashing stays bounded.</summary>
    public const int PasswordLengthMax = 512;

    private static readonly PasswordHasher<string> Hasher = new(Options.Create(new PasswordHasherOptions
    {
        CompatibilityMode = PasswordHasherCompatibilityMode.IdentityV3,
        IterationCount = Iterations,
    }));

    /// <summary>Hash of a password for the users file. Takes about a tenth of a second, as it should.</summary>
    public static string Create(string password) => Hasher.HashPassword("", password);

    /// <summary>The line for the users file.</summary>
    public static string CreateLine(string user, string password) => $"{user}:{Create(password)}";

    /// <summary>True when the password fits; false also for a hash in no known form.</summary>
    public static bool Verify(string hash, string password)
    {
        try
        {
            return Hasher.VerifyHashedPassword("", hash, password) != PasswordVerificationResult.Failed;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    /// <summary>True when the text could be a hash made by <see cref="Create"/>.</summary>
    public static bool IsHash(string text)
    {
        Span<byte> bytes = stackalloc byte[512];
        return Convert.TryFromBase64String(text, bytes, out var length) && length > 29 && bytes[0] == 1;
    }
}
