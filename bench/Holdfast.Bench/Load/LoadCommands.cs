using System.CommandLine;
using System.Globalization;
using System.Net;

namespace Holdfast.Bench.Load;

/// <summary>Generator and sink as commands of their own, so that the tested system's CPU can be told from theirs.
/// </summary>
internal static class LoadCommands
{
    public static Command Generate()
    {
        var port = new Option<int>("--port") { Required = true, Description = "SMTP port on 127.0.0.1" };
        var connections = new Option<int>("--connections") { DefaultValueFactory = _ => 20 };
        var messages = new Option<int>("--messages") { DefaultValueFactory = _ => 10_000 };
        var size = new Option<int>("--size") { DefaultValueFactory = _ => 4096, Description = "Content octets" };
        var mode = new Option<Pipelining>("--pipelining") { DefaultValueFactory = _ => Pipelining.Chained };
        var command = new Command("generate", "Sends messages as fast as they are taken. Prints seconds, accepted, refused.")
            { port, connections, messages, size, mode };
        command.SetAction(parse =>
        {
            var generator = new LoadGenerator(new IPEndPoint(IPAddress.Loopback, parse.GetValue(port)),
                parse.GetValue(connections), parse.GetValue(messages), parse.GetValue(size), parse.GetValue(mode));
            var took = generator.Run();
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{took.TotalSeconds:F3} {generator.Accepted} {generator.Refused}"));
            if (generator.LastRefusal is { } refusal)
                Console.Error.WriteLine(refusal);
            return generator.Accepted > 0 ? 0 : 1;
        });
        return command;
    }

    public static Command Sink()
    {
        var port = new Option<int>("--port") { Required = true, Description = "SMTP port on 127.0.0.1" };
        var command = new Command("sink", "Takes every message. Each line on standard input is answered with the count.")
            { port };
        command.SetAction(parse =>
        {
            using var sink = new LoadSink(parse.GetValue(port));
            Console.WriteLine("ready");
            while (Console.ReadLine() is not null)
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{sink.Messages} {sink.Bytes}"));
            return 0;
        });
        return command;
    }
}
