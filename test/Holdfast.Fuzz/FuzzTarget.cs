namespace Holdfast.Fuzz;

/// <summary>Takes any octets; throws where a promise is broken.</summary>
/// <returns>The shape of what came of them. An input with a shape not seen before is kept and mutated further, so a
/// shape should tell apart what the code tells apart, in some dozens of values.</returns>
internal delegate int FuzzBody(ReadOnlySpan<byte> input);

/// <summary>One row of the table: what is fuzzed, and what the mutator should know of it.</summary>
/// <param name="Name">As given on the command line; also the folder of the corpus.</param>
/// <param name="Tokens">Octets that mean something to the code, for insertion.</param>
/// <param name="BytesMax">Longest input that is made.</param>
/// <param name="IsSlow">Takes near a millisecond an input: the unit tests give it fewer.</param>
internal sealed record FuzzTarget(string Name, FuzzBody Body, IReadOnlyList<byte[]> Tokens, int BytesMax = 1024,
    bool IsSlow = false);
