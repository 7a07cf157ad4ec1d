using System.CommandLine;
using Holdfast.Bench;
using Holdfast.Bench.Load;
using Holdfast.Bench.Scenarios;

var root = new RootCommand("Measurements of Holdfast, side by side with what people use instead.");
root.Add(SmtpComparison.Command());
root.Add(MillionWaiting.Command());
root.Add(WireSpeed.Command());
root.Add(SpoolDisk.Command());
root.Add(SpoolSpeed.Command());
root.Add(SpoolMillion.Command());
root.Add(PowerCuts.Command());
root.Add(SuiteCommands.Suite());
root.Add(SuiteCommands.Sweep());
root.Add(DetectionTable.Command());
root.Add(LoadCommands.Generate());
root.Add(LoadCommands.Sink());
return await root.Parse(args).InvokeAsync();
