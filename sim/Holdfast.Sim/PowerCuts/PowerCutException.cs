namespace Holdfast.Sim.PowerCuts;

/// <summary>The power went. No part of the program may catch it: the process is gone.</summary>
internal sealed class PowerCutException : Exception
{
    public PowerCutException() : base("The power went") { }
    public PowerCutException(string message) : base(message) { }
    public PowerCutException(string message, Exception inner) : base(message, inner) { }
}
