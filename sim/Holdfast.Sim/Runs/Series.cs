namespace Holdfast.Sim.Runs;

/// <summary>One service and priority, a value a step.</summary>
internal sealed class ServiceSeries(int steps)
{
    /// <summary>Logical requests that arrived.</summary>
    public int[] Requests { get; } = new int[steps];
    /// <summary>What clients sent, retries counted.</summary>
    public int[] Offered { get; } = new int[steps];
    public int[] Admitted { get; } = new int[steps];
    /// <summary>Attempts at sites, retries counted.</summary>
    public int[] Placed { get; } = new int[steps];
    /// <summary>Served in time, in the step of the answer.</summary>
    public int[] Served { get; } = new int[steps];
    public int[] Late { get; } = new int[steps];
    public int[] Failed { get; } = new int[steps];
    /// <summary>Refusals on purpose, each try counted.</summary>
    public int[] Shed { get; } = new int[steps];
    public int[] Lost { get; } = new int[steps];
    /// <summary>Waiting at the edges at the step's end.</summary>
    public int[] Waiting { get; } = new int[steps];
    /// <summary>Of the requests served in this step, in time or late: seconds from the first arrival; NaN:
    /// none.</summary>
    public float[] LatencyP50 { get; } = new float[steps];
    public float[] LatencyP99 { get; } = new float[steps];
    /// <summary>Requests of this step's arrivals that ended served in time, whenever that was.</summary>
    public int[] ServedOfArrived { get; } = new int[steps];
}

/// <summary>One site, a value a step.</summary>
internal sealed class SiteSeries(int steps)
{
    /// <summary>Attempts that edges sent.</summary>
    public int[] Placed { get; } = new int[steps];
    /// <summary>Answers of success.</summary>
    public int[] Succeeded { get; } = new int[steps];
    /// <summary>Failures told to edges: errors, resets, time-outs; push-back counted.</summary>
    public int[] Failed { get; } = new int[steps];
    public int[] PushedBack { get; } = new int[steps];
    /// <summary>Work finished at the targets, whoever still waits for it.</summary>
    public int[] Done { get; } = new int[steps];
    /// <summary>Requests in service and queues at the step's end.</summary>
    public int[] InService { get; } = new int[steps];
    public int[] Queued { get; } = new int[steps];
    /// <summary>Operations a second that the site can truly do, mean of the step.</summary>
    public double[] TrueCapacity { get; } = new double[steps];
    /// <summary>The worst verdict of the edges.</summary>
    public byte[] Verdict { get; } = new byte[steps];
    /// <summary>Targets that at least one edge holds closed.</summary>
    public int[] TargetsClosed { get; } = new int[steps];
    /// <summary>Of those, targets without a fault, crash or lost dependency.</summary>
    public int[] HealthyClosed { get; } = new int[steps];
    /// <summary>Share of its service's attempts.</summary>
    public double[] Share { get; } = new double[steps];
    /// <summary>Sum of the edges' limits, operations a second; NaN: none is known.</summary>
    public double[] Limit { get; } = new double[steps];
}

/// <summary>One component, a value a step.</summary>
internal sealed class ComponentSeries(int steps)
{
    public int[] Asked { get; } = new int[steps];
    public int[] Done { get; } = new int[steps];
    public int[] Failed { get; } = new int[steps];
    public int[] Queued { get; } = new int[steps];
    public double[] TrueCapacity { get; } = new double[steps];
}
