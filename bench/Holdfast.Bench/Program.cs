using System.CommandLine;
using Holdfast.Bench;
using Holdfast.Bench.Drain;
using Holdfast.Bench.Load;
using Holdfast.Bench.Scenarios;
using Holdfast.Bench.Web;
using Holdfast.Commands;
using Holdfast.Optimum;

// The same command as the binary's, with the planner that knows the future, which the binary doesn't carry.
if (args is ["simulate", ..])
    return await CommandTree.InvokeAsync(args, Console.Out, Console.Error, new LinearOptimum());
var root = new RootCommand("Measurements of Holdfast, side by side with what people use instead.");
root.Add(SmtpComparison.Command());
root.Add(MillionWaiting.Command());
root.Add(DrainCommand.Command());
root.Add(WireSpeed.Command());
root.Add(EngineSpeed.Command());
root.Add(SpoolDisk.Command());
root.Add(SpoolSpeed.Command());
root.Add(SpoolMillion.Command());
root.Add(PowerCuts.Command());
root.Add(SuiteCommands.Suite());
root.Add(SuiteCommands.Sweep());
root.Add(DetectionTable.Command());
root.Add(SimulatorSpeed.Command());
root.Add(WebComparison.Command());
root.Add(WebTargets.Command());
root.Add(YarpHost.Command());
root.Add(LoadCommands.Generate());
root.Add(LoadCommands.Sink());
return await root.Parse(args).InvokeAsync();
