using Holdfast;
using Holdfast.Commands;
using Holdfast.FaultyHost;

SocketThreads.Choose();
var desk = new FaultDesk(Console.In, Console.Out);
return await CommandTree.InvokeAsync(args, Console.Out, Console.Error, disk: desk.Wrap);
