using System.CommandLine;
using Holdfast.Configuration;
using Holdfast.Operator;

namespace Holdfast.Commands;

/// <summary>How a command finds the running server: <c>--socket</c>, <c>--data</c>, <c>--config</c>, or by looking.
/// </summary>
internal sealed class ServerChoice
{
    private readonly Option<string?> _socket = new("--socket")
    {
        Description = "The server's Unix socket", HelpName = "PATH",
    };
    private readonly Option<string?> _data = new("--data")
    {
        Description = "The server's data directory", HelpName = "DIR",
    };
    private readonly Option<string?> _config = new("--config", "-c")
    {
        Description = "The server's configuration file", HelpName = "FILE",
    };

    public ServerChoice(Command command)
    {
        command.Add(_socket);
        command.Add(_data);
        command.Add(_config);
    }

    public OperatorClient Connect(ParseResult parsed)
    {
        if (parsed.GetValue(_socket) is { Length: > 0 } socket)
            return new OperatorClient(socket);
        if (parsed.GetValue(_data) is { Length: > 0 } data)
            return new OperatorClient(Path.Combine(data, "holdfast.sock"));
        if (parsed.GetValue(_config) is { Length: > 0 } config)
        {
            using var rules = Composition.BuildRules();
            var (snapshot, faults) = new ConfigurationLoader(rules).LoadFile(config);
            if (snapshot is null)
                throw new CommandException(
                    $"{config} has faults ({faults.Count}); see: holdfast check --config {config}",
                    ExitCode.ConfigurationInvalid);
            var directory = Configuration.DataDirectory.Resolve(null,
                snapshot.Get<Configuration.HostOptions>().DataDirectory,
                Environment.GetEnvironmentVariable);
            return new OperatorClient(OperatorSocket.PathIn(directory, snapshot.Get<OperatorOptions>()));
        }
        return new OperatorClient(Candidates().FirstOrDefault(File.Exists) ?? Candidates().First());
    }

    /// <summary>The data directory that the options speak of; null when only a socket was named.</summary>
    public string? DataDirectory(ParseResult parsed)
    {
        if (parsed.GetValue(_socket) is { Length: > 0 })
            return null;
        string? configured = null;
        if (parsed.GetValue(_config) is { Length: > 0 } config)
        {
            using var rules = Composition.BuildRules();
            configured = new ConfigurationLoader(rules).LoadFile(config).Snapshot?
                .Get<Configuration.HostOptions>().DataDirectory;
        }
        return Configuration.DataDirectory.Resolve(parsed.GetValue(_data), configured,
            Environment.GetEnvironmentVariable);
    }

    /// <summary>Where a server's socket usually is: HOLDFAST_SOCKET, the user's own directory, the system's.</summary>
    private static IEnumerable<string> Candidates()
    {
        if (Environment.GetEnvironmentVariable("HOLDFAST_SOCKET") is { Length: > 0 } socket)
            yield return socket;
        yield return Path.Combine(
            Configuration.DataDirectory.Resolve(null, null, Environment.GetEnvironmentVariable), "holdfast.sock");
        yield return "/var/lib/holdfast/holdfast.sock";
        yield return "/run/holdfast/holdfast.sock";
    }
}
