namespace Holdfast.Mail.Canaries;

/// <summary>A mailbox that we look into ourselves.</summary>
internal interface ICanaryMailbox : IAsyncDisposable
{
    /// <summary>Tokens of the canaries that lie there now; they are deleted, those of earlier runs too. Throws what
    /// <see cref="CanaryMailboxException"/> says when it can't look.</summary>
    Task<IReadOnlyList<string>> LookAsync(CancellationToken abort);
}

/// <summary>The mailbox couldn't be looked into; says nothing of what lies there.</summary>
internal sealed class CanaryMailboxException(string message, Exception inner) : Exception(message, inner);
