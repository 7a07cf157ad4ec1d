using System.ComponentModel.DataAnnotations;

namespace Holdfast.Configuration;

/// <summary>Who this process is and where it keeps its data: section <c>Holdfast</c>.</summary>
internal sealed class HostOptions
{
    /// <summary>Name that we give in greetings, trace headers and notices.</summary>
    /// <value>The machine's name.</value>
    [StringLength(255)]
    public string HostName { get; set; } = Environment.MachineName;

    /// <summary>Number of this node, part of every message id: two nodes must never share one. Needs a restart.
    /// </summary>
    /// <value>1. Range 0 to 65 535.</value>
    [Range(0, 65_535)]
    public int NodeId { get; set; } = 1;

    /// <summary>Directory for spool, evidence and socket; made when missing. <c>--data</c> goes before it. Needs a
    /// restart.</summary>
    /// <value>Empty: <c>HOLDFAST_DATA</c>, else systemd's <c>STATE_DIRECTORY</c>, else
    /// <c>$XDG_STATE_HOME/holdfast</c>, else <c>~/.local/state/holdfast</c>.</value>
    public string DataDirectory { get; set; } = "";
}
