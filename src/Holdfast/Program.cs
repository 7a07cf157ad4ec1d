using Holdfast;
using Holdfast.Commands;

SocketThreads.Choose();
return await CommandTree.InvokeAsync(args, Console.Out, Console.Error);
