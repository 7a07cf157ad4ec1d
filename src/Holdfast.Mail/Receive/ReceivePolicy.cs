namespace Holdfast.Mail.Receive;

/// <summary>Rules of all listeners together: an immutable picture of <see cref="ReceiveOptions"/>, swapped whole at
/// reload.</summary>
internal sealed class ReceivePolicy(ReceiveOptions options, string hostName, WatchedFile<UserList>? users)
{
    public ReceiveOptions Options { get; } = options;
    public string HostName { get; } = hostName;
    public MessagePriority Priorities { get; } = new(options.PriorityRules);

    /// <summary>Those who may sign in; null while the file was never read.</summary>
    public UserList? Users => users is null ? UserList.Empty : users.Current;

    public int StressConnections { get; } = (int)Math.Ceiling(options.ConnectionsMax * options.StressShare);
}
